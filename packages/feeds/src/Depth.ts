/**
 * Questions to books: what an order would cost, and the best levels over several
 * venues. Books that cannot be believed give no answer.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Book from "./Book.ts"

/**
 * The average price that an order of this size would pay; `None` if the book is
 * not `Synced` or does not offer so much.
 *
 * @category getters
 * @since 0.1.0
 */
export const vwap = (book: Book.Book, side: "buy" | "sell", amount: number): Option.Option<number> =>
  Option.flatMap(Book.levels(book), ({ asks, bids }) => {
    let left = amount
    let cost = 0
    for (const { price, size } of side === "buy" ? asks : bids) {
      if (left <= 0) break
      const taken = Math.min(left, size)
      cost += taken * price
      left -= taken
    }
    return amount > 0 && left <= 0 ? Option.some(cost / amount) : Option.none()
  })

/**
 * A level with the venue that offers it.
 *
 * @category models
 * @since 0.1.0
 */
export interface VenueLevel extends Book.Level {
  readonly venue: string
}

/**
 * The best `n` levels over several venues' books of one symbol. Books that are
 * not `Synced` are left out and named. Books of two venues may cross.
 *
 * @category combinators
 * @since 0.1.0
 */
export const consolidated = (
  books: Readonly<Record<string, Book.Book>>,
  n: number
): {
  readonly bids: ReadonlyArray<VenueLevel>
  readonly asks: ReadonlyArray<VenueLevel>
  readonly without: ReadonlyArray<string>
} => {
  const bids: Array<VenueLevel> = []
  const asks: Array<VenueLevel> = []
  const without: Array<string> = []
  for (const [venue, book] of Object.entries(books)) {
    const found = Book.depth(book, n)
    if (Option.isNone(found)) {
      without.push(venue)
      continue
    }
    for (const level of found.value.bids) bids.push({ ...level, venue })
    for (const level of found.value.asks) asks.push({ ...level, venue })
  }
  bids.sort((a, b) => b.price - a.price)
  asks.sort((a, b) => a.price - b.price)
  return { bids: bids.slice(0, n), asks: asks.slice(0, n), without }
}

/**
 * A best price with who offers it, and for how long the venue has said nothing newer.
 *
 * @category models
 * @since 0.1.0
 */
export interface BestLevel extends VenueLevel {
  /** Milliseconds since the book's last change; `undefined` where the venue gives no time. */
  readonly age: number | undefined
}

/**
 * The best prices over several books.
 *
 * @category models
 * @since 0.1.0
 */
export interface Quotes {
  readonly bid: BestLevel | undefined
  readonly ask: BestLevel | undefined
  /** The venues whose books are not right now: they took no part. */
  readonly without: ReadonlyArray<string>
}

/**
 * The best bid and the best offer over several venues' books of one symbol, at a
 * time in Unix milliseconds.
 *
 * @example
 * ```ts
 * import * as Book from "@kharbranth/feeds/Book"
 * import * as Depth from "@kharbranth/feeds/Depth"
 * import * as Sequencer from "@kharbranth/feeds/Sequencer"
 * import { deepStrictEqual } from "node:assert"
 *
 * const book = Book.make({ sequencer: Sequencer.make("counter", "resubscribe") })
 * deepStrictEqual(Depth.best({ kraken: book }, 0), { bid: undefined, ask: undefined, without: ["kraken"] })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const best = (books: Readonly<Record<string, Book.Book>>, now: number): Quotes => {
  let bid: BestLevel | undefined
  let ask: BestLevel | undefined
  const without: Array<string> = []
  for (const [venue, book] of Object.entries(books)) {
    const found = Book.bbo(book)
    if (Option.isNone(found)) {
      without.push(venue)
      continue
    }
    const age = book.venueTime === undefined ? undefined : Math.max(0, now - book.venueTime)
    const { ask: offered, bid: wanted } = found.value
    if (wanted !== undefined && (bid === undefined || wanted.price > bid.price)) bid = { ...wanted, venue, age }
    if (offered !== undefined && (ask === undefined || offered.price < ask.price)) ask = { ...offered, venue, age }
  }
  return { bid, ask, without }
}
