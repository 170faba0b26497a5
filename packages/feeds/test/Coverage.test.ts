/**
 * Proves that a book which began with a part of the venue's says nothing of what
 * lies beyond it, and asks for another snapshot when prices leave that part.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Book from "../src/Book.ts"
import type { BookUpdate, Changes } from "../src/FeedEvent.ts"
import * as Sequencer from "../src/Sequencer.ts"
import * as Updates from "./support/updates.ts"

const levels = (from: number, step: number, count: number, size = "1"): Changes =>
  Updates.changes(Array.from({ length: count }, (_, index) => [from + step * index, size]))

const update = (kind: "snapshot" | "delta", last: number, bids: Changes, asks: Changes): BookUpdate =>
  Updates.update({ kind, bids, asks, first: last, last })

const none = levels(0, 0, 0)
const rest = { sequencer: Sequencer.make("range", "rest"), bootstrap: "rest", snapshotLevels: 30 } as const

/** Thirty levels a side, of a venue that has more. */
const begun = (count = 30) => {
  const book = Book.make(rest)
  Book.bootstrap(book, update("snapshot", 1, levels(1000, -1, count), levels(1001, 1, count)))
  return book
}

describe("a book's coverage", () => {
  it("levels beyond a full snapshot are not given, whatever updates say of them", () => {
    const book = begun()
    // The snapshot ended at 971; of 970 to 961 only one level is known to the book.
    Book.apply(book, update("delta", 2, levels(965, 0, 1), none))
    const { bids } = Option.getOrThrow(Book.levels(book))
    assert.strictEqual(bids.length, 30)
    assert.strictEqual(bids.at(-1)?.priceText, "971")
    assert.strictEqual(Book.lastKnown(book).bids.length, 31)
    const whole = begun(29)
    Book.apply(whole, update("delta", 2, levels(965, 0, 1), none))
    assert.strictEqual(Option.getOrThrow(Book.levels(whole)).bids.length, 30)
  })

  it("prices that leave the snapshot's part are a gap, which another snapshot mends", () => {
    const book = begun()
    assert.strictEqual(Book.apply(book, update("delta", 2, levels(1000, -1, 20, "0"), none))._tag, "Applied")
    const outcome = Book.apply(book, update("delta", 3, levels(980, -1, 1, "0"), none))
    assert.deepInclude(outcome, { _tag: "Gap", reason: "coverage", remedy: "rest" })
    assert.isTrue(Option.isNone(Book.bbo(book)))
    Book.bootstrap(book, update("snapshot", 3, levels(979, -1, 30), levels(1001, 1, 30)))
    assert.strictEqual(book.status._tag, "Synced")
  })
})
