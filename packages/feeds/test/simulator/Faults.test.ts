/**
 * Proves that every fault of a script strikes, can be seen by the client and is
 * recorded; and that books of this package never believe a wrong state while all
 * kinds of faults rain on every venue.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Simulator from "../../src/simulator/Simulator.ts"
import type * as VenueFault from "../../src/simulator/VenueFault.ts"
import * as Topic from "../../src/Topic.ts"
import * as Venues from "../../src/Venues.ts"
import { lines } from "./lines.ts"
import { Reader } from "./reader.ts"
import { some, Talk } from "./talk.ts"

const rain: VenueFault.Script = [
  ...(["Gap", "Duplicate", "Swap"] as const).map((_tag) => ({ fault: { _tag }, at: [10_000], chance: 0.006 })),
  { fault: { _tag: "WrongChecksum" }, chance: 0.004, channel: "book" },
  { fault: { _tag: "Cut" }, at: [15_000] },
  { fault: { _tag: "Restart" }, at: [25_000, 26_000] },
  { fault: { _tag: "Stall", millis: 1500 }, at: [35_000] }
]

describe("under faults", () => {
  for (const [id, line] of Object.entries(lines)) {
    for (const seed of [11, 12]) {
      it(`${id}, seed ${seed}: no wrong book is believed, and books come back`, () => {
        const venue = Venues.all()[id]!
        const simulator = Simulator.make(id as Simulator.VenueId, {
          seed,
          faults: rain,
          market: { assets: 4, updates: 4 },
          // A client without patience breaks limits; here it shall only be fooled.
          numbers: { inbound: undefined, dials: undefined, operations: undefined, requests: undefined }
        })
        const reader = new Reader(venue, simulator, line.depth)
        reader.open(line, 0)
        reader.subscribe(
          simulator.symbols.map((symbol) => Topic.book(symbol)),
          100
        )
        reader.run(60_000)
        const { reading } = reader
        assert.deepStrictEqual(reading.wrong.slice(0, 2), [])
        assert.deepStrictEqual(reading.failures, [])
        assert.isAbove(reading.right, 30)
        const struck = new Set(simulator.ledger.injected.map(({ fault }) => fault._tag))
        for (const tag of ["Gap", "Duplicate", "Swap", "Cut", "Restart", "Stall"] as const)
          assert.isTrue(struck.has(tag))
        // Whole frames miss nothing.
        if (id !== "hyperliquid") assert.isAbove(reading.gaps.length, 0)
      })
    }
  }
})

const talkTo = (venue: Simulator.VenueId, faults: VenueFault.Script, options: Simulator.Options = {}) => {
  const talk = new Talk(venue, { faults, ...options })
  talk.dial(0)
  return talk
}

const injected = (talk: Talk) => talk.simulator.ledger.injected.map(({ at, fault }) => `${at} ${fault._tag}`)

const binance = `{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}`
const kraken = `{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]},"req_id":1}`

const ranges = (texts: ReadonlyArray<string>) =>
  some(texts, "depthUpdate").map((text) => {
    const { U, u } = (JSON.parse(text) as { data: { U: number; u: number } }).data
    return [U, u] as const
  })

describe("each fault", () => {
  it("Gap, Duplicate and Swap at a time spoil the next update, and the ledger says which", () => {
    for (const _tag of ["Gap", "Duplicate", "Swap"] as const) {
      const talk = talkTo("binance-spot", [{ fault: { _tag }, at: [10_000] }])
      talk.say(binance, 0)
      const found = ranges(talk.wait(20_000))
      const breaks = found.filter(([first], at) => at > 0 && first !== (found[at - 1]?.[1] ?? 0) + 1)
      const [entry] = talk.simulator.ledger.injected
      assert.isAbove(entry?.at ?? 0, 10_000)
      assert.strictEqual(breaks.length, { Gap: 1, Duplicate: 1, Swap: 3 }[_tag])
      const { revisions = [] } = talk.simulator.ledger.deliveries[0] ?? {}
      const missing = (entry?.revision ?? 0) - 1
      if (_tag === "Gap") assert.deepStrictEqual([revisions.length, revisions[0]?.last], [2, missing])
      if (_tag === "Duplicate") assert.strictEqual(revisions.length, 1)
    }
  })

  it("WrongChecksum: the sum differs and the levels do not", () => {
    const [right, wrong] = [[], [{ fault: { _tag: "WrongChecksum" } as const }]].map((faults) => {
      const talk = talkTo("kraken", faults)
      talk.say(kraken, 0)
      return some(talk.wait(3000), `"type":"update"`)
    })
    const sum = /"checksum":\d+/
    assert.notStrictEqual(right?.[0], wrong?.[0])
    assert.deepStrictEqual(
      right?.map((text) => text.replace(sum, "")),
      wrong?.map((text) => text.replace(sum, ""))
    )
  })

  it("WrongChecksum at a time waits for a frame that has a checksum", () => {
    const talk = talkTo("bitfinex", [{ fault: { _tag: "WrongChecksum" }, at: [7000] }])
    talk.say(`{"event":"conf","flags":131072}`, 0)
    talk.say(`{"event":"subscribe","channel":"book","symbol":"tBTCUSD"}`, 0)
    talk.wait(20_000)
    assert.deepStrictEqual(injected(talk), ["10000 WrongChecksum"])
    const none = talkTo("okx", [{ fault: { _tag: "WrongChecksum" } }])
    none.say(`{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}`, 0)
    none.wait(20_000)
    assert.deepStrictEqual(injected(none), [])
  })

  it("Silent: granted, and nothing comes; on the next subscription it does", () => {
    const talk = talkTo("kraken", [{ fault: { _tag: "Silent" }, at: [0], symbols: ["BTC/USD"] }])
    assert.strictEqual(talk.say(kraken, 0).length, 1)
    assert.deepStrictEqual(some(talk.wait(20_000), "book"), [])
    talk.say(kraken.replace("subscribe", "unsubscribe"))
    assert.strictEqual(some(talk.say(kraken), `"snapshot"`).length, 2)
    assert.deepStrictEqual(injected(talk), ["0 Silent"])
  })

  it("Poison: one symbol ends the connection, the others do not", () => {
    const talk = talkTo("kraken", [{ fault: { _tag: "Poison" }, symbols: ["ETH/USD"] }])
    talk.say(kraken, 0)
    assert.deepStrictEqual(talk.ends, [])
    talk.say(kraken.replace("BTC", "ETH"), 5)
    assert.deepStrictEqual(talk.ends, ["5: cut"])
  })

  it("Cut, with and without a code, for a share of the connections", () => {
    const talk = talkTo("kraken", [
      { fault: { _tag: "Cut" }, at: [1000], share: 0.5 },
      { fault: { _tag: "Cut", code: 1012 }, at: [2000] }
    ])
    for (let n = 0; n < 3; n++) talk.dial(0)
    talk.wait(5000)
    assert.deepStrictEqual(talk.ends, ["1000: cut", "1000: cut", "2000: 1012", "2000: 1012"])
  })

  it("Stall: nothing comes for a while, and what was missed never does", () => {
    const talk = talkTo("binance-spot", [{ fault: { _tag: "Stall", millis: 5000 }, at: [10_000] }])
    talk.say(binance, 0)
    const before = ranges(talk.wait(10_000)).at(-1)
    assert.deepStrictEqual(talk.wait(14_999), [])
    const after = ranges(talk.wait(20_000))[0]
    assert.isAbove(after?.[0] ?? 0, (before?.[1] ?? 0) + 1)
  })

  it("HalfOpen: nothing goes either way, and nobody says so", () => {
    const talk = talkTo("kraken", [{ fault: { _tag: "HalfOpen" }, at: [1000] }])
    talk.say(kraken, 0)
    talk.wait(1000)
    assert.deepStrictEqual(talk.say(`{"method":"ping"}`, 2000), [])
    assert.deepStrictEqual(talk.wait(30_000), [])
    assert.deepStrictEqual(talk.ends, [])
  })

  it("SlowRead: the venue stops reading, and goes on", () => {
    const simulator = Simulator.make("kraken", { faults: [{ fault: { _tag: "SlowRead", millis: 3000 }, at: [1000] }] })
    simulator.connect({ url: "wss://ws.kraken.com/v2" }, 0)
    simulator.tick(10_000)
    const slow = simulator.take().filter(({ _tag }) => _tag === "Pause" || _tag === "Resume")
    assert.deepStrictEqual(
      slow.map(({ _tag, at }) => `${at} ${_tag}`),
      ["1000 Pause", "4000 Resume"]
    )
  })

  it("Notice: in the venue's words, and a minute later the connection ends", () => {
    const words = {
      "binance-spot": `"e":"serverShutdown"`,
      "bitfinex": `"code":20051`,
      "gate": `"type":"upgrade"`,
      "okx": `"code":"64008"`
    } as const
    for (const venue of ["binance-spot", "bitfinex", "gate", "okx"] as const) {
      const numbers = { quiet: undefined, idle: undefined, serverPing: undefined }
      const talk = talkTo(venue, [{ fault: { _tag: "Notice" }, at: [1000] }], { numbers })
      assert.strictEqual(some(talk.wait(2000), words[venue]).length, 1, venue)
      talk.wait(61_000)
      assert.deepStrictEqual(talk.ends, ["61000: 1001"])
    }
  })

  it("RejectDials and RejectRequests: by time and by chance, with Retry-After", () => {
    const faults: VenueFault.Script = [
      { fault: { _tag: "RejectDials", status: 503, millis: 2000 }, at: [1000] },
      { fault: { _tag: "RejectRequests", status: 418, millis: 2000, retryAfter: 7 }, at: [1000] },
      { fault: { _tag: "RejectDials", status: 520, millis: 0 }, chance: 0.5 }
    ]
    const talk = new Talk("binance-spot", { faults })
    assert.deepStrictEqual(
      [1500, 2500].map((at) => talk.dial(at)),
      [503, 503]
    )
    const response = talk.simulator.request(
      { method: "GET", url: "https://api.binance.com/api/v3/depth?symbol=BTCUSDT" },
      2600
    )
    assert.deepStrictEqual([response.status, response.headers], [418, { "retry-after": "7" }])
    const later = Array.from({ length: 100 }, (_, n) => talk.dial(10_000 + n))
    const refused = later.filter((status) => status === 520).length
    assert.isAbove(refused, 30)
    assert.isBelow(refused, 70)
    assert.deepStrictEqual(talk.rules, [])
  })

  it("Maintenance: announced where the venue does that, then closed for a while", () => {
    const talk = talkTo("bitfinex", [{ fault: { _tag: "Maintenance", millis: 5000 }, at: [1000] }])
    assert.match(talk.wait(1000)[0] ?? "", /"code":20060/)
    assert.deepStrictEqual(talk.ends, ["1000: 1012"])
    assert.deepStrictEqual(
      [2000, 5999, 6000].map((at) => talk.dial(at)),
      [503, 503, 2]
    )
  })

  it("Restart: Bybit's count begins at 1 with everything, OKX's number falls", () => {
    const bybit = talkTo("bybit", [{ fault: { _tag: "Restart" }, at: [5000] }])
    bybit.say(`{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}`, 0)
    const books = some(bybit.wait(20_000), "orderbook").map((text) => Number(/"u":(\d+)/.exec(text)?.[1]))
    const at = books.indexOf(1)
    assert.isAbove(at, 0)
    assert.deepStrictEqual(books.slice(at, at + 3), [1, 2, 3])
    const okx = talkTo("okx", [{ fault: { _tag: "Restart" }, at: [5000] }])
    okx.say(`{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}`, 0)
    const numbers = some(okx.wait(20_000), `"action":"update"`).map((text) => {
      const [, previous, last] = /"prevSeqId":(\d+),"seqId":(\d+)/.exec(text) ?? []
      return [Number(previous), Number(last)] as const
    })
    assert.strictEqual(numbers.filter(([previous, last]) => last < previous).length, 1)
    for (const [index, [previous]] of numbers.entries())
      if (index > 0) assert.strictEqual(previous, numbers[index - 1]?.[1])
  })

  it("a fault injected by hand strikes at once", () => {
    const talk = talkTo("kraken", [])
    talk.wait(1234)
    talk.simulator.inject({ fault: { _tag: "Cut" }, at: [0] })
    talk.wait(1235)
    assert.deepStrictEqual(talk.ends, ["1234: cut"])
  })
})
