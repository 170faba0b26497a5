/**
 * Proves that a feed's topics keep going over cuts, with what may be missing in
 * their place; that a topic nobody reads is not decoded; that an observer sees
 * its connections; and that what a feed cannot give is refused with a reason.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ConnectionObserver from "kharbranth/ConnectionObserver"
import * as Topic from "../src/Topic.ts"
import { collect, pass, rig, settle } from "./support/rig.ts"
import { dialects, throwing } from "./support/venues.ts"

const symbol = "BTCUSDT"

const spelled = (entries: ReadonlyArray<{ readonly _tag: string; readonly id?: string | undefined }>) =>
  entries.map(({ _tag, id }) => id ?? _tag)

describe("Feed", () => {
  it.effect("trades, ticker and raw frames of one venue, each stamped", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const trades = yield* collect(feed.entries(Topic.trades(symbol)))
      const tickers = yield* collect(feed.stream(Topic.ticker(symbol)))
      const raw = yield* collect(feed.raw(Topic.trades(symbol)))
      yield* pass("1 second")
      for (let at = 1; at <= 3; at++) venue.trade(at)
      venue.tick(5)
      yield* settle
      assert.deepStrictEqual(spelled(trades), ["t1", "t2", "t3"])
      assert.deepInclude(trades[0], { _tag: "Trade", side: "buy", priceText: "1000", price: 1000, venueTime: 1 })
      assert.deepInclude(trades[0], { arrivalTime: 1000, deliveryTime: 1000, backfilled: false })
      assert.deepInclude(tickers[0], { _tag: "Ticker", venueTime: 5 })
      assert.deepStrictEqual(
        raw.map((one) => (one._tag === "Raw" ? one.text.includes("publicTrade") : one._tag)),
        [true, true, true]
      )
    })
  )

  it.effect("an observer sees its connections, with their topics", () =>
    Effect.gen(function* () {
      const observed: Array<ConnectionObserver.Observed> = []
      const observing = ConnectionObserver.layer((connection) => {
        observed.push(connection)
        return { ended: () => {} }
      })
      yield* Effect.gen(function* () {
        const { feed } = yield* rig([dialects.bybit()])
        yield* collect(feed.entries(Topic.trades(symbol)))
        yield* pass("1 second")
      }).pipe(Effect.provide(observing))
      const [connection] = observed
      assert.lengthOf(observed, 1)
      assert.strictEqual(connection?.state._tag, "Connected")
      assert.deepStrictEqual(connection?.topics, [{ topic: "publicTrade.BTCUSDT", state: "Confirmed" }])
    })
  )

  it.effect("a cut is Stale at once, then a Gap where it goes on", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const trades = yield* collect(feed.entries(Topic.trades(symbol)))
      yield* pass("1 second")
      venue.trade()
      yield* settle
      yield* venue.cut
      yield* settle
      assert.deepStrictEqual(spelled(trades), ["t1", "Stale"])
      assert.deepInclude(trades[1], { reason: "disconnected", since: 1000 })
      venue.trade()
      yield* pass("30 seconds")
      venue.trade()
      yield* settle
      assert.deepStrictEqual(spelled(trades), ["t1", "Stale", "Gap", "Resynced", "t3"])
      assert.deepInclude(trades[2], { reason: "disconnected", from: 1000 })
    })
  )

  it.effect("an adapter of a user's that throws is a Gap where its frame was", () =>
    Effect.gen(function* () {
      let isBroken = false
      const { feed, venue } = yield* rig([throwing(dialects.bybit(), () => isBroken)])
      const trades = yield* collect(feed.entries(Topic.trades(symbol)))
      yield* pass("1 second")
      for (const broken of [false, true, false]) {
        isBroken = broken
        venue.trade()
        yield* settle
      }
      assert.deepStrictEqual(spelled(trades), ["t1", "Gap", "t3"])
      assert.deepInclude(trades[1], { reason: "malformed", from: 1000, to: 1000 })
      assert.deepStrictEqual(
        (yield* feed.lines).map(({ malformed }) => malformed),
        [1]
      )
    })
  )

  it.effect("refuses what it does not know, with what to do", () =>
    Effect.gen(function* () {
      const { feed } = yield* rig([dialects.bybit(), dialects.coinbase()])
      const refused = (topic: Topic.Topic) => Effect.flip(Stream.runDrain(feed.entries(topic)))
      const unnamed = yield* refused(Topic.trades(symbol))
      assert.strictEqual(unnamed.message, `trades of "BTCUSDT": name its venue, one of: bybit, coinbase.`)
      const foreign = yield* refused(Topic.at("okx", Topic.trades(symbol)))
      assert.strictEqual(foreign._tag, "UnknownTopic")
      assert.include(foreign.message, `the feed has no venue "okx"`)
      assert.strictEqual((yield* refused(Topic.at("bybit", Topic.trades(""))))._tag, "UnknownTopic")
    })
  )
})
