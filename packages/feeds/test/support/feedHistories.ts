/**
 * Random histories of a feed with one book: whatever is cut, lost, doubled, garbled
 * or rotated, each look at the book is judged by what the venue has published.
 * `SEED=n` starts with that seed, `RUNS=n` says how many run.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { firstSeed, runsOf } from "../../../kharbranth/test/support/histories.ts"
import * as Book from "../../src/Book.ts"
import type { BookUpdate, Marker } from "../../src/FeedEvent.ts"
import * as Sequencer from "../../src/Sequencer.ts"
import * as Topic from "../../src/Topic.ts"
import { random } from "./random.ts"
import { said } from "./replay.ts"
import { collect, pass, rig, settle } from "./rig.ts"
import { dialects } from "./venues.ts"

const symbol = "BTCUSDT"
const topic = Topic.book(symbol)

/** A reader's copy: what it has after all entries, or nothing while it cannot know. */
const rebuilt = (entries: ReadonlyArray<BookUpdate | Marker>): string | undefined => {
  const book = Book.make({ sequencer: Sequencer.make("none", "ignore") })
  let isStale = true
  for (const entry of entries) {
    if (entry._tag === "BookUpdate") {
      if (entry.kind === "snapshot") isStale = false
      if (!isStale) Book.apply(book, entry)
    } else if (entry._tag === "Stale" || entry._tag === "Lagged") isStale = true
  }
  return isStale ? undefined : said(book, 50)
}

/** Registers so many random histories of each dialect. */
export const histories = (many: number, runs = runsOf(many)) =>
  describe("books over random histories", () => {
    for (const [name, dialect] of Object.entries(dialects)) {
      for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
        it.effect(`${name}, seed ${seed}`, () =>
          Effect.gen(function* () {
            const next = random(seed)
            const network = { latency: 1 + Math.floor(next() * 80), jitter: Math.floor(next() * 40) }
            const { feed, venue } = yield* rig([dialect()], { network, seed, lines: next() < 0.3 ? 2 : 1 })
            const book = yield* feed.book(topic)
            const entries = yield* collect(feed.entries(topic))
            const states = new Set(venue.market.history.values())
            let believed = 0
            const check = (isQuiet: boolean) =>
              Effect.gen(function* () {
                const now = said(yield* book.book, 50)
                if (now === undefined) return
                believed++
                if (isQuiet) assert.strictEqual(now, venue.market.said, `seed ${seed}: a book that is behind`)
                for (const state of venue.market.history.values()) states.add(state)
                assert.isTrue(states.has(now), `seed ${seed}: a book that never was`)
              })
            yield* pass("4 seconds", 100)
            for (let step = 0; step < 60; step++) {
              const chance = next()
              if (chance < 0.05) yield* venue.cut
              else if (chance < 0.1) venue.fault = "drop"
              else if (chance < 0.15) venue.fault = "double"
              else if (chance < 0.18) venue.fault = "garble"
              else if (chance < 0.21) yield* Effect.forkScoped(feed.resync(topic))
              else if (chance < 0.23) yield* Effect.forkScoped(feed.reconnect(venue.venue.id))
              else if (chance < 0.26)
                yield* Effect.forkScoped(feed.connections.broadcast({ _tag: "Restart", mode: "makeFirst" }))
              // A frame that is lost shows only when the next one comes.
              const isLost = venue.fault === "drop" || venue.fault === "garble"
              venue.change()
              const quiet = Math.floor(next() * 800)
              yield* pass(quiet, 50)
              yield* check(quiet > 400 && !isLost)
            }
            // The world is kind again: the book is back, and follows.
            venue.fault = "none"
            for (let step = 0; step < 90; step++) {
              venue.change()
              yield* pass("1 second", 200)
              yield* check(true)
            }
            yield* pass("1 second", 100)
            assert.strictEqual(said(yield* book.book, 50), venue.market.said, `seed ${seed}: not right in the end`)
            assert.strictEqual(rebuilt(entries), venue.market.said, `seed ${seed}: the reader's copy differs`)
            assert.isAbove(believed, 60, `seed ${seed}: hardly ever right`)
            assert.isTrue(Option.isSome(Book.bbo(yield* book.book)))
            yield* settle
          })
        )
      }
    }
  })
