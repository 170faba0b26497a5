/**
 * Proves that the simulated market is a market: books are never crossed or empty,
 * every change has its number, one seed gives one history, venues that share a
 * seed agree about prices, and the right book can be looked up at every number.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Simulator from "../../src/simulator/Simulator.ts"

type Update = { readonly E: number; readonly U: number; readonly u: number; readonly b: Levels; readonly a: Levels }
type Levels = ReadonlyArray<readonly [string, string]>

const url = "wss://stream.binance.com:9443/ws"

/** The depth updates of one symbol, and the venue that sent them. */
const watch = (options: Simulator.Options, millis: number, symbol = "BTCUSDT") => {
  const simulator = Simulator.make("binance-spot", options)
  simulator.connect({ url: `${url}/${symbol.toLowerCase()}@depth@100ms` }, 0)
  const updates: Array<Update> = []
  const texts: Array<string> = []
  for (let now = 0; now <= millis; now += 1000) {
    simulator.tick(now)
    for (const output of simulator.take()) {
      if (output._tag === "Ping") simulator.ponged(1, now)
      if (output._tag !== "Text") continue
      texts.push(output.text)
      updates.push(JSON.parse(output.text) as Update)
    }
  }
  return { simulator, updates, texts }
}

describe("the simulated market", () => {
  for (const seed of [1, 2]) {
    it(`seed ${seed}: books are whole, and numbers have no holes`, () => {
      const { simulator, updates } = watch({ seed, market: { assets: 7, updates: 20, trades: 5 } }, 120_000)
      assert.isAbove(updates.length, 2000)
      for (const [index, { U, u, a, b }] of updates.entries()) {
        assert.isAtLeast(u - U + 1, a.length + b.length)
        if (index > 0) assert.strictEqual(U, (updates[index - 1]?.u ?? 0) + 1)
      }
      for (const symbol of simulator.symbols) {
        const newest = simulator.book(symbol)?.revision ?? 0
        for (let revision = newest - 200; revision <= newest; revision++) {
          const { asks = [], bids = [] } = simulator.book(symbol, { revision }, 1) ?? {}
          assert.isBelow(Number(bids[0]?.[0]), Number(asks[0]?.[0]), `${symbol} at ${revision}`)
        }
      }
    })
  }

  it("one seed gives one history, another seed another one", () => {
    const [first, again, other] = [1, 1, 2].map((seed) => watch({ seed, market: { assets: 2 } }, 20_000).texts)
    assert.deepStrictEqual(first, again)
    assert.notDeepEqual(first, other)
  })

  it("venues that share a seed agree about the price", () => {
    const make = (venue: Simulator.VenueId) => {
      const simulator = Simulator.make(venue, { market: { assets: 1 } })
      simulator.tick(3_600_000)
      return Number(simulator.book(simulator.symbols[0] ?? "", undefined, 1)?.bids[0]?.[0])
    }
    const [binance, kraken] = [make("binance-spot"), make("kraken")]
    assert.isBelow(Math.abs(binance / kraken - 1), 0.000_5)
  })

  it("the right book is found by number, time and revision, from the newest back to the oldest that is kept", () => {
    const { simulator, updates } = watch({ history: 300, market: { assets: 1, updates: 10 } }, 60_000)
    const book = { bids: new Map<string, string>(), asks: new Map<string, string>() }
    const kept = updates.slice(-300)
    const base = simulator.book("BTCUSDT", { sequence: (kept[0]?.U ?? 0) - 1 })
    for (const [price, size] of base?.bids ?? []) book.bids.set(price, size)
    for (const [price, size] of base?.asks ?? []) book.asks.set(price, size)
    const sorted = (side: ReadonlyMap<string, string>, sign: number) =>
      [...side].toSorted(([a], [b]) => sign * (Number(a) - Number(b)))
    for (const { E, a, b, u } of kept) {
      for (const [side, levels] of [["bids", b] as const, ["asks", a] as const]) {
        for (const [price, size] of levels) {
          if (Number(size) === 0) book[side].delete(price)
          else book[side].set(price, size)
        }
      }
      const truth = simulator.book("BTCUSDT", { sequence: u })
      assert.deepStrictEqual(truth?.bids, sorted(book.bids, -1))
      assert.deepStrictEqual(truth?.asks, sorted(book.asks, 1))
      assert.deepStrictEqual(simulator.book("BTCUSDT", { time: E }), truth)
      assert.deepStrictEqual(simulator.book("BTCUSDT", { revision: truth?.revision ?? 0 }), truth)
    }
    assert.isUndefined(simulator.book("BTCUSDT", { sequence: (updates[0]?.u ?? 0) - 1 }))
    assert.isUndefined(simulator.book("BTCUSDT", { sequence: (updates.at(-1)?.u ?? 0) + 1 }))
    assert.isUndefined(simulator.book("NOPE"))
  })

  it("numbers beyond 2^53 are exact", () => {
    const sequence = 2n ** 53n + 11n
    const { simulator, texts } = watch({ market: { assets: 1, sequence } }, 5000)
    const { sequence: newest } = simulator.book("BTCUSDT") ?? { sequence: 0n }
    assert.isTrue(newest > sequence)
    assert.include(texts.at(-1), `"u":${newest}`)
  })

  it("bursts come five times as fast", () => {
    const bursts = { every: 10_000, lasts: 1000, factor: 5 }
    const { updates } = watch({ market: { assets: 1, updates: 10, bursts } }, 200_000)
    const hot = updates.filter(({ E }) => E % 10_000 < 1000).length
    const calm = (updates.length - hot) / 9
    assert.isAbove(hot / calm, 3.5)
    assert.isBelow(hot / calm, 6.5)
  })

  it("a snapshot of a deep book has five megabytes, and a step stays cheap", () => {
    const simulator = Simulator.make("coinbase", { market: { assets: 1, levels: 25_000 } })
    simulator.connect({ url: "wss://advanced-trade-ws.coinbase.com" }, 0)
    simulator.receive(1, `{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}`, 0)
    const [snapshot] = simulator.take()
    assert.isAbove(snapshot?._tag === "Text" ? snapshot.text.length : 0, 5_000_000)
    simulator.tick(60_000)
    assert.isAbove(simulator.take().length, 50)
  })
})
