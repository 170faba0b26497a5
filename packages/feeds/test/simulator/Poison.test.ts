/**
 * Proves that a topic which costs its socket whenever it is asked for is found and
 * left out, says so, and costs its neighbours no more than a few sockets.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Feed from "../../src/Feed.ts"
import * as SimulatorNetwork from "../../src/simulator/SimulatorNetwork.ts"
import * as Topic from "../../src/Topic.ts"
import * as Hyperliquid from "../../src/venues/Hyperliquid.ts"
import { collect, pass } from "../support/rig.ts"

describe("a poisonous topic", () => {
  it.effect("is quarantined, and the others live", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const { simulator } = yield* SimulatorNetwork.serve(network, "hyperliquid", {
        market: { assets: 4, trades: 2 },
        faults: [{ fault: { _tag: "Poison" }, chance: 1, symbols: ["SOL"] }]
      })
      const feed = yield* Feed.make({ venue: Hyperliquid.make() }).pipe(network.provide)
      const books = yield* Effect.forEach(simulator.symbols, (symbol) =>
        Effect.map(feed.book(Topic.book(symbol)), (book) => [symbol, book] as const)
      )
      const poisoned = yield* collect(feed.entries(Topic.trades("SOL")))
      const trades = yield* collect(feed.stream(Topic.trades("BTC")))
      yield* pass("2 minutes", 1000)
      const dials = simulator.ledger.counts.dials
      const before = trades.length
      yield* pass("1 minute", 1000)
      assert.strictEqual(simulator.ledger.counts.dials, dials, "it is asked for no more")
      assert.isBelow(dials, 20)
      assert.isAbove(trades.length, before + 30)
      const stale = poisoned.find((entry) => entry._tag === "Stale" && entry.reason === "quarantined")
      assert.isDefined(stale)
      assert.deepStrictEqual(
        books.map(([symbol, { status }]) => [symbol, status.getUnsafe()._tag === "Synced"]),
        simulator.symbols.map((symbol) => [symbol, symbol !== "SOL"])
      )
    })
  )
})
