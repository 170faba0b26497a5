/**
 * Proves what an order would cost, and that books which are not right take no
 * part in a consolidated one.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Book from "../src/Book.ts"
import * as Depth from "../src/Depth.ts"
import type { Changes } from "../src/FeedEvent.ts"
import * as Sequencer from "../src/Sequencer.ts"
import { changes, update } from "./support/updates.ts"

const levels = (...prices: ReadonlyArray<number>): Changes => changes(prices.map((price) => [price, "2"]))

const bookOf = (bids: Changes, asks: Changes): Book.Book => {
  const book = Book.make({ sequencer: Sequencer.make("whole", "ignore") })
  Book.apply(book, update({ kind: "snapshot", bids, asks }))
  return book
}

describe("Depth", () => {
  it("vwap walks the other side, and says when it does not suffice", () => {
    const book = bookOf(levels(9, 10), levels(11, 12))
    assert.deepStrictEqual(Depth.vwap(book, "buy", 3), Option.some((2 * 11 + 12) / 3))
    assert.deepStrictEqual(Depth.vwap(book, "sell", 4), Option.some(9.5))
    assert.deepStrictEqual(
      [5, 0, Number.NaN].map((size) => Depth.vwap(book, "buy", size)),
      Array(3).fill(Option.none())
    )
  })

  it("consolidated takes the best of all, and names what it leaves out", () => {
    const stale = bookOf(levels(100), levels(101))
    Book.invalidate(stale, "disconnected", 1)
    const books = { a: bookOf(levels(9, 10), levels(11)), b: bookOf(levels(9.5), levels(10.5)), stale }
    const { asks, bids, without } = Depth.consolidated(books, 2)
    const named = (side: typeof bids) => side.map(({ price, venue }) => `${venue} ${price}`)
    assert.deepStrictEqual([named(bids), named(asks), without], [["a 10", "b 9.5"], ["b 10.5", "a 11"], ["stale"]])
    assert.isTrue(Option.isNone(Depth.vwap(stale, "buy", 1)))
    assert.strictEqual(Book.lastKnown(stale).bids.length, 1)
  })
})
