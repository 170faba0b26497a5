/**
 * Proves that a recording of a feed, cuts and requests over HTTP included, plays
 * back to the same events and the same books, at its own pace or faster, and that
 * what is no recording is refused.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Feed from "../src/Feed.ts"
import * as Recording from "../src/Recording.ts"
import * as Rest from "../src/Rest.ts"
import * as Topic from "../src/Topic.ts"
import { said } from "./support/replay.ts"
import { collect, pass, settle } from "./support/rig.ts"
import { dialects, ScriptedVenue } from "./support/venues.ts"

const symbol = "BTCUSDT"

/** What a feed shows: its trades with markers, and its book. */
const watch = (feed: Feed.Feed) =>
  Effect.gen(function* () {
    const trades = yield* collect(feed.entries(Topic.trades(symbol)))
    const book = yield* feed.book(Topic.book(symbol))
    const spelled = () => trades.map((one) => (one._tag === "Trade" ? `${one.id} ${one.sizeText}` : one._tag))
    return { spelled, book: Effect.map(book.book, (book) => said(book, 50)) }
  })

const recorded = (name: keyof typeof dialects) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    const venue = new ScriptedVenue(dialects[name]())
    yield* network.serve(venue.dialect.url, venue.script)
    const lines: Array<string> = []
    const feed = yield* Feed.make({ venue: venue.venue }).pipe(
      (program) => Recording.record(program, (line) => lines.push(line)),
      network.provide,
      Effect.provideService(Rest.Fetch, venue.fetch)
    )
    const { book, spelled } = yield* watch(feed)
    yield* pass("2 seconds")
    for (let step = 0; step < 40; step++) {
      if (step === 15) yield* venue.cut
      venue.change()
      venue.trade()
      yield* pass("500 millis", 100)
    }
    const shown = { trades: spelled(), book: yield* book }
    assert.strictEqual(shown.book, venue.market.said)
    assert.include(shown.trades, "Gap")
    return { lines, shown, venue: venue.venue }
  })

describe("Recording", () => {
  for (const name of ["bybit", "binanceSpot", "coinbase"] as const) {
    for (const speed of [1, 10]) {
      it.effect(`${name}: plays back to the same at ${speed} times its pace`, () =>
        Effect.gen(function* () {
          const { lines, shown, venue } = yield* recorded(name)
          assert.deepStrictEqual(
            [...new Set(lines.map((line) => (JSON.parse(line) as Recording.Line).t))].toSorted(),
            name === "binanceSpot" ? ["connect", "end", "http", "recv", "send"] : ["connect", "end", "recv", "send"]
          )
          const parsed = Result.getOrThrow(Recording.parse(lines.join("\n")))
          const begun = yield* Clock.currentTimeMillis
          const feed = yield* Recording.replay(Feed.make({ venue: Recording.replayable(venue) }), parsed, { speed })
          const { book, spelled } = yield* watch(feed)
          yield* pass(40_000 / speed, 50)
          assert.strictEqual(yield* book, shown.book)
          // At another pace the wait before the second dial swallows other trades.
          if (speed === 1) assert.deepStrictEqual(spelled(), shown.trades)
          else assert.strictEqual(spelled().at(-1), shown.trades.at(-1))
          assert.strictEqual((yield* Clock.currentTimeMillis) - begun, 40_000 / speed)
          yield* settle
          // The waits before dials and snapshots are drawn by chance, and do not shrink with the pace.
        }).pipe(Random.withSeed("replay"))
      )
    }
  }

  it("what is no recording is refused, by its line", () => {
    assert.deepStrictEqual(
      Recording.parse('{"t":"recv","ts":1}\n\n{"t":"odd","ts":1}').pipe(Result.flip, Result.getOrThrow),
      "line 3 is not one of a recording"
    )
    for (const bad of ["1", "null", "{}", '{"t":"recv"}', '{"t":"recv","ts":"1"}', "{"])
      assert.isTrue(Result.isFailure(Recording.parse(bad)), bad)
    assert.deepStrictEqual(Result.getOrThrow(Recording.parse("")), [])
  })
})
