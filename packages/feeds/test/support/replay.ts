/**
 * Replays a recorded session through an adapter and its books, without any I/O.
 */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Book from "../../src/Book.ts"
import * as Topic from "../../src/Topic.ts"
import type { Venue } from "../../src/Venue.ts"
import { type Line, symbolIn } from "./captures.ts"

export interface Watched {
  readonly book: Book.Book
  /** The recorded frame that the book took last. */
  at: number
}

export const replay = (
  venue: Venue,
  symbols: ReadonlyArray<string>,
  lines: ReadonlyArray<Line>,
  after: (symbol: string, watched: Watched) => void = () => {}
): ReadonlyMap<string, Watched> => {
  const books = new Map(
    symbols.map((symbol): [string, Watched] => [symbol, { book: Book.make(venue.continuity), at: -1 }])
  )
  const byKey = new Map(symbols.map((symbol) => [venue.key(Topic.book(symbol)), symbol]))
  const wires = new Map<string, ReturnType<Venue["wire"]>>()
  const took = (symbol: string, outcome: Book.Outcome, index: number): void => {
    const watched = books.get(symbol)
    if (watched === undefined) return
    if (outcome._tag === "Applied") watched.at = index
    after(symbol, watched)
  }
  for (const line of lines) {
    if (line.t === "http") {
      const symbol = symbolIn(line.url)
      const watched = books.get(symbol ?? "")
      const request = symbol === undefined ? undefined : venue.snapshot?.(Topic.book(symbol))
      if (symbol === undefined || watched === undefined || request === undefined) continue
      const found = request.decode(line.data, line.ts * 1000)
      if (Result.isSuccess(found)) took(symbol, Book.bootstrap(watched.book, found.success), line.index)
    }
    if (line.t !== "recv") continue
    const wire = wires.get(line.conn) ?? venue.wire()
    wires.set(line.conn, wire)
    const kind = venue.classify(line.data, wire)
    if (kind.gap) for (const { book } of books.values()) Book.invalidate(book, "connection", line.ts * 1000)
    for (const key of kind._tag === "Data" ? kind.keys : []) {
      const symbol = byKey.get(key)
      const watched = symbol === undefined ? undefined : books.get(symbol)
      if (symbol === undefined || watched === undefined) continue
      const found = venue.decode(line.data, Topic.book(symbol), line.ts * 1000)
      if (Result.isFailure(found)) Book.invalidate(watched.book, "malformed", line.ts * 1000)
      else {
        for (const event of found.success) {
          if (event._tag === "BookUpdate") took(symbol, Book.apply(watched.book, event), line.index)
        }
      }
    }
  }
  return books
}

/** What a book says, as text; `undefined` where it says that it is not right. */
export const said = (book: Book.Book, depth: number): string | undefined =>
  Option.getOrUndefined(
    Option.map(Book.depth(book, depth), ({ asks, bids }) =>
      [bids, asks].map((side) => side.map((level) => `${level.priceText}@${level.sizeText}`).join(" ")).join(" | ")
    )
  )
