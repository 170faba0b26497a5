/**
 * Proves that a feed's books are right or say that they are not: from their first
 * snapshot, over cuts, lost frames and rotations, by every remedy, and even where
 * an adapter throws.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Topic from "../src/Topic.ts"
import { said } from "./support/replay.ts"
import { collect, pass, rig, settle } from "./support/rig.ts"
import { dialects, throwing } from "./support/venues.ts"

const symbol = "BTCUSDT"
const topic = Topic.book(symbol)

describe("books of a feed", () => {
  for (const [name, dialect] of Object.entries(dialects)) {
    it.effect(`${name}: syncs, follows, survives a cut and a lost frame`, () =>
      Effect.gen(function* () {
        const { feed, venue } = yield* rig([dialect()])
        const book = yield* feed.book(topic)
        const statuses = yield* collect(book.status.changes)
        const read = Effect.map(book.book, (book) => said(book, 50))
        yield* pass("3 seconds")
        venue.change()
        yield* settle
        assert.strictEqual(yield* read, venue.market.said)

        yield* venue.cut
        yield* settle
        assert.isUndefined(yield* read)
        assert.deepInclude(book.status.getUnsafe(), { _tag: "Stale", reason: "disconnected" })
        for (let n = 0; n < 60; n++) {
          venue.change()
          yield* pass("500 millis")
        }
        assert.strictEqual(yield* read, venue.market.said)

        venue.fault = "drop"
        venue.change()
        yield* settle
        venue.change()
        yield* settle
        assert.notStrictEqual(book.status.getUnsafe()._tag, "Syncing")
        for (let n = 0; n < 60; n++) {
          const now = yield* read
          if (now !== undefined) assert.strictEqual(now, venue.market.said)
          venue.change()
          yield* pass("500 millis")
        }
        assert.strictEqual(yield* read, venue.market.said)
        assert.isAbove(statuses.length, 3)
      })
    )
  }

  it.effect("an adapter of a user's that throws costs the book, not the feed", () =>
    Effect.gen(function* () {
      let isBroken = false
      const { feed, venue } = yield* rig([throwing(dialects.bybit(), () => isBroken)])
      const book = yield* feed.book(topic)
      yield* pass("1 second")
      isBroken = true
      venue.change()
      yield* settle
      assert.deepInclude(book.status.getUnsafe(), { _tag: "Stale", reason: "malformed" })
      assert.deepStrictEqual(
        (yield* feed.lines).map(({ malformed }) => malformed),
        [1]
      )
      isBroken = false
      yield* pass("3 seconds")
      venue.change()
      yield* settle
      assert.strictEqual(said(yield* book.book, 50), venue.market.said)
    })
  )
})
