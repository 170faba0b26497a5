/**
 * Proves that adapters and simulators, which share no code, agree: the adapter
 * reads every frame, its book equals the venue's after every update, it reads
 * every trade that was sent, and it breaks no rule.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Simulator from "../../src/simulator/Simulator.ts"
import * as Topic from "../../src/Topic.ts"
import * as Venues from "../../src/Venues.ts"
import { Reader } from "./reader.ts"

const urls: Readonly<Record<Simulator.VenueId, string>> = {
  "binance-spot": "wss://stream.binance.com:9443/stream",
  "kraken": "wss://ws.kraken.com/v2"
}

const seeds = [1, 2, 3]

describe("adapters against simulators", () => {
  for (const [id, url] of Object.entries(urls)) {
    const adapter = Venues.all()[id]!
    for (const seed of seeds) {
      it(`${id}, seed ${seed}: every book is right, every trade is read`, () => {
        const simulator = Simulator.make(id as Simulator.VenueId, { seed, market: { assets: 7, trades: 1 } })
        const reader = new Reader(adapter, simulator)
        reader.dial(url, 0)
        const { symbols } = simulator
        const topics = [
          ...symbols.map(Topic.book),
          ...symbols.slice(0, 3).map(Topic.trades),
          ...symbols.slice(5).map(Topic.ticker)
        ]
        for (const [index, topic] of topics.entries()) {
          reader.subscribe([topic], 1000 * (index + 1))
          reader.read()
        }
        reader.run(90_000)
        const { reading } = reader
        assert.deepStrictEqual(reading.failures, [])
        assert.deepStrictEqual(reading.unread, [])
        assert.deepStrictEqual(reading.gaps, [])
        assert.deepStrictEqual(reading.wrong.slice(0, 3), [])
        assert.deepStrictEqual(simulator.ledger.violations, [])
        assert.isUndefined(reading.ended)
        assert.isAbove(reading.right, 500)
        assert.isAbove(reading.tickers.length, 50)
        const sent = simulator.ledger.deliveries
          .flatMap(({ trades }) => trades)
          .reduce((sum, { first, last }) => sum + last - first + 1, 0)
        assert.isAbove(sent, 50)
        assert.strictEqual(reading.trades.length, sent)
      })
    }
  }
})
