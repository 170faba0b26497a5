/**
 * Proves that adapters and simulators, which share no code, agree: the adapter
 * reads every frame, its book equals the venue's after every update, it reads
 * every trade that was sent, and it breaks no rule.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Simulator from "../../src/simulator/Simulator.ts"
import * as Topic from "../../src/Topic.ts"
import * as Venues from "../../src/Venues.ts"
import { lines } from "./lines.ts"
import { Reader } from "./reader.ts"

const seeds = [1, 2]

const tradesIn = ({ ledger }: Simulator.Simulator): number =>
  ledger.deliveries.flatMap(({ trades }) => trades).reduce((sum, { first, last }) => sum + last - first + 1, 0)

/** Subscribes to one topic a second. */
const follow = (reader: Reader, topics: ReadonlyArray<Topic.Topic>): void => {
  for (const topic of topics) {
    reader.run(reader.now + 1000)
    reader.subscribe([topic], reader.now)
  }
}

describe("adapters against simulators", () => {
  for (const [id, line] of Object.entries(lines)) {
    const adapter = Venues.all()[id]!
    for (const seed of seeds) {
      it(`${id}, seed ${seed}: every book is right, every trade is read`, () => {
        const simulator = Simulator.make(id as Simulator.VenueId, { seed, market: { assets: 7, trades: 1 } })
        const { symbols } = simulator
        const books = [
          ...symbols.map((symbol) => Topic.book(symbol)),
          ...symbols.slice(5).map((symbol) => Topic.ticker(symbol))
        ]
        const trades = symbols.slice(0, 3).map((symbol) => Topic.trades(symbol))
        const reader = new Reader(adapter, simulator, line.depth)
        reader.open(line, 0)
        follow(reader, line.trades === undefined ? [...books, ...trades] : books)
        reader.run(60_000)
        const { reading } = reader
        assert.deepStrictEqual(reading.failures, [])
        assert.deepStrictEqual(reading.unread, [])
        assert.deepStrictEqual(reading.gaps, [])
        assert.deepStrictEqual(reading.wrong.slice(0, 3), [])
        assert.deepStrictEqual(simulator.ledger.violations, [])
        assert.isUndefined(reading.ended)
        assert.isAbove(reading.right, 50)
        assert.isAbove(reading.tickers.length, 50)
        if (line.trades !== undefined) {
          // Another connection, which nobody dials again.
          reader.dial(line.trades, reader.now)
          follow(reader, trades)
          reader.run(reader.now + 60_000)
        }
        assert.isAbove(reading.trades.length, 50)
        assert.strictEqual(reading.trades.length, tradesIn(simulator))
      })
    }
  }
})
