/**
 * Proves that simulators enforce the limits of their venues: each is broken once
 * by one frame, dial or second too many, and recorded with what broke it; up to
 * there nothing happens.
 */
import { assert, describe, it } from "@effect/vitest"
import type { VenueId } from "../../src/simulator/Simulator.ts"
import { some, Talk } from "./talk.ts"

const binance = (id: number, ...names: ReadonlyArray<string>) =>
  JSON.stringify({ method: "SUBSCRIBE", params: names, id })

/** No connection ends by itself. */
const timeless = {
  clientSilence: undefined,
  firstSubscription: undefined,
  idle: undefined,
  pushless: undefined,
  quiet: undefined,
  serverPing: undefined
}

describe("limits of dials", () => {
  const limits: ReadonlyArray<readonly [VenueId, limit: number, window: number, status: number]> = [
    ["binance-spot", 300, 300_000, 429],
    ["binance-usdm", 300, 300_000, 429],
    ["bitfinex", 20, 60_000, 429],
    ["bitget", 100, 300_000, 429],
    ["bybit", 500, 300_000, 403],
    ["coinbase", 8, 1000, 429],
    ["deribit", 32, 60_000, 429],
    ["hyperliquid", 10, 60_000, 429],
    ["kraken", 150, 600_000, 429],
    ["kucoin", 30, 60_000, 429],
    ["okx", 3, 1000, 429]
  ]
  for (const [venue, limit, window, status] of limits) {
    it(`${venue}: ${limit} pass, one more is answered with ${status}`, () => {
      const talk = new Talk(venue, { numbers: timeless })
      const step = Math.floor((window * 0.9) / limit)
      for (let dial = 1; dial <= limit; dial++) assert.strictEqual(talk.dial(dial * step), dial)
      assert.deepStrictEqual(talk.rules, [])
      assert.strictEqual(talk.dial(), status)
      assert.isAbove(talk.rules.length, 0)
      assert.include(talk.simulator.ledger.violations[0]?.frame, "wss://")
    })
  }

  it("a ban lasts, and dialing while it does is another violation", () => {
    const talk = new Talk("kraken", {
      numbers: { ...timeless, dials: { limit: 1, window: 1000, status: 429, ban: 60_000 } }
    })
    talk.dial(0)
    const answers = [500, 30_000, 60_400, 61_500].map((at) => talk.dial(at))
    assert.deepStrictEqual(answers, [429, 429, 429, 2])
    assert.deepStrictEqual(talk.rules, ["dials", "dial while banned", "dial while banned"])
    assert.strictEqual(talk.simulator.ledger.counts.bans, 1)
  })

  it("an unknown path is not found, and an old one of a venue with several is silent", () => {
    assert.strictEqual(new Talk("kraken").dial(0, "wss://ws.kraken.com/v1"), 404)
    const talk = new Talk("binance-usdm")
    talk.dial(0, "wss://fstream.binance.com/ws")
    assert.deepStrictEqual(talk.say(binance(1, "btcusdt@aggTrade")), [`{"result":null,"id":1}`])
    assert.deepStrictEqual(some(talk.wait(60_000), "aggTrade"), [])
  })
})

describe("limits of what a client says", () => {
  it("Binance: the sixth frame within a second ends the connection, and pongs count", () => {
    for (const frames of [5, 6]) {
      const talk = new Talk("binance-spot")
      talk.dial(0)
      for (let n = 1; n < frames; n++) talk.say(binance(n, "btcusdt@trade"), n * 100)
      talk.simulator.ponged(1, 900)
      talk.wait(1500)
      assert.deepStrictEqual(talk.ends, frames === 5 ? [] : ["900: 1008 Too many requests"])
      assert.deepStrictEqual(talk.rules, frames === 5 ? [] : ["messages"])
    }
  })

  it("Binance: dials in the penalty that follows are cut", () => {
    const talk = new Talk("binance-spot")
    talk.dial(0)
    for (let n = 0; n < 6; n++) talk.say(binance(n, "btcusdt@trade"), 100)
    talk.dial(60_000)
    talk.dial(130_000)
    assert.deepStrictEqual(talk.ends, ["100: 1008 Too many requests", "60000: cut"])
    assert.deepStrictEqual(talk.rules, ["messages", "dial during a penalty"])
  })

  it("Binance: a frame of 4097 bytes is never answered", () => {
    const talk = new Talk("binance-spot")
    talk.dial(0)
    const frame = (bytes: number) => binance(1, "x".repeat(bytes - binance(1, "").length))
    assert.strictEqual(talk.say(frame(4096)).length, 1)
    assert.strictEqual(talk.say(frame(4097), 5000).length, 0)
    assert.deepStrictEqual(talk.rules, ["frame size"])
    assert.deepStrictEqual(talk.ends, [])
  })

  it("Binance: 1024 streams and no more", () => {
    const talk = new Talk("binance-spot", { market: { assets: 600 }, numbers: { frameBytes: undefined } })
    talk.dial(0)
    const names = talk.simulator.symbols.flatMap((symbol) =>
      ["trade", "bookTicker"].map((form) => `${symbol.toLowerCase()}@${form}`)
    )
    assert.match(talk.say(binance(1, ...names.slice(0, 1024)))[0] ?? "", /"result":null/)
    assert.match(talk.say(binance(2, ...names.slice(1024, 1025)))[0] ?? "", /"code":2/)
    assert.deepStrictEqual(talk.rules, ["topics per connection"])
  })

  it("Bybit: ten topics a frame on spot, 21,000 characters a connection", () => {
    const talk = new Talk("bybit", { market: { assets: 700 } })
    talk.dial(0, "wss://stream.bybit.com/v5/public/spot")
    const ask = (names: ReadonlyArray<string>) => talk.say(JSON.stringify({ op: "subscribe", args: names }))
    const names = talk.simulator.symbols.flatMap((symbol) => [`publicTrade.${symbol}`, `tickers.${symbol}`])
    assert.match(some(ask(names.slice(0, 11)), "success")[0] ?? "", /"success":false,"ret_msg":"args size >10"/)
    let length = 0
    for (let at = 0; talk.rules.length === 1 && at < names.length; at += 10) {
      length += names.slice(at, at + 10).join("").length
      ask(names.slice(at, at + 10))
    }
    assert.deepStrictEqual(talk.rules, ["topics per frame", "characters per connection"])
    assert.isAbove(length, 21_000)
    assert.isBelow(length, 21_300)
  })

  it("Coinbase and Kraken: a frame too many is answered with an error", () => {
    for (const [venue, limit, error] of [
      ["coinbase", 8, "rate limit exceeded"],
      ["kraken", 20, "Exceeded msg rate"]
    ] as const) {
      const talk = new Talk(venue)
      talk.dial(0)
      for (let n = 0; n < limit; n++) talk.say(`{"type":"subscribe","channel":"heartbeats","method":"ping"}`, 10)
      assert.deepStrictEqual(talk.rules, [])
      assert.include(talk.say("{}", 10)[0], error)
      assert.deepStrictEqual(talk.rules, ["messages"])
    }
  })

  it("OKX: 480 requests an hour; Bitget: 240; Deribit: 10 in 3 seconds", () => {
    const asks = {
      okx: [480, 3_600_000, `{"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}`, "60014"],
      bitget: [
        240,
        3_600_000,
        `{"op":"subscribe","args":[{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"}]}`,
        "30007"
      ],
      deribit: [
        10,
        3000,
        `{"id":1,"method":"public/subscribe","params":{"channels":["trades.BTC-PERPETUAL.100ms"]}}`,
        "10028"
      ]
    } as const
    for (const venue of ["okx", "bitget", "deribit"] as const) {
      const [limit, window, frame, code] = asks[venue]
      const talk = new Talk(venue)
      talk.dial(0)
      for (let n = 0; n < limit; n++) talk.say(frame, Math.floor((n * window * 0.9) / limit))
      assert.deepStrictEqual(talk.rules, [])
      assert.include(talk.say(frame).at(-1), code)
      assert.deepStrictEqual(talk.rules, ["operations"])
    }
  })

  it("KuCoin: 100 topics a frame, 400 a connection, 100 frames in 10 seconds", () => {
    const talk = new Talk("kucoin", { market: { assets: 401 } })
    talk.dial(0)
    const ask = (symbols: ReadonlyArray<string>) =>
      talk.say(
        JSON.stringify({ id: "1", type: "subscribe", topic: `/market/match:${symbols.join(",")}`, response: true })
      )
    const { symbols } = talk.simulator
    assert.match(ask(symbols.slice(0, 101)).at(-1) ?? "", /"code":509/)
    for (let at = 0; at < 400; at += 100) assert.match(ask(symbols.slice(at, at + 100)).at(-1) ?? "", /"type":"ack"/)
    assert.match(ask(symbols.slice(400)).at(-1) ?? "", /"code":509/)
    assert.deepStrictEqual(talk.rules, ["topics per frame", "topics per connection"])
    for (let n = 0; n < 95; n++) talk.say(`{"id":"p","type":"ping"}`)
    assert.deepStrictEqual(talk.ends, ["0: 1008 Too many requests"])
  })

  it("Bitfinex: 25 topics, then error 10305", () => {
    const talk = new Talk("bitfinex", { market: { assets: 26 } })
    talk.dial(0)
    const ask = (symbol: string) => talk.say(JSON.stringify({ event: "subscribe", channel: "trades", symbol }))
    for (const symbol of talk.simulator.symbols.slice(0, 25)) assert.match(ask(symbol)[0] ?? "", /"subscribed"/)
    assert.match(ask(talk.simulator.symbols[25] ?? "")[0] ?? "", /"code":10305/)
    assert.deepStrictEqual(talk.rules, ["topics per connection"])
  })

  it("REST: beyond the weight 429, and who goes on gets 418", () => {
    const talk = new Talk("binance-spot")
    const ask = (at: number) =>
      talk.simulator.request(
        { method: "GET", url: "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5000" },
        at
      )
    for (let n = 0; n < 24; n++) assert.strictEqual(ask(n).status, 200)
    const refused = ask(100)
    assert.deepStrictEqual([refused.status, refused.headers], [429, { "retry-after": "60" }])
    assert.deepStrictEqual(
      [200, 300, 400, 500].map((at) => ask(at).status),
      [429, 429, 429, 418]
    )
    assert.strictEqual(ask(60_000).status, 418)
    assert.strictEqual(ask(190_000).status, 200)
    assert.strictEqual(talk.rules.filter((rule) => rule === "requests").length, 5)
  })
})

describe("limits of time", () => {
  it("Binance pings every 20 seconds, and waits 60 for a pong", () => {
    const talk = new Talk("binance-spot")
    talk.dial(0)
    talk.wait(79_999)
    assert.deepStrictEqual(talk.pings, [20_000, 40_000, 60_000])
    assert.deepStrictEqual(talk.ends, [])
    talk.wait(80_000)
    assert.deepStrictEqual(talk.ends, ["80000: cut"])
    assert.deepStrictEqual(talk.rules, ["pong deadline"])
  })

  it("Binance and KuCoin end a connection after 24 hours", () => {
    for (const venue of ["binance-spot", "kucoin"] as const) {
      const talk = new Talk(venue, {
        market: { assets: 1, updates: 0.01 },
        numbers: { serverPing: undefined, clientSilence: undefined }
      })
      talk.dial(0)
      talk.wait(86_399_999)
      assert.deepStrictEqual(talk.ends, [])
      talk.wait(86_400_000)
      assert.deepStrictEqual(talk.ends, ["86400000: 1001"])
      assert.deepStrictEqual(talk.rules, [])
    }
  })

  const silences: ReadonlyArray<readonly [VenueId, limit: number, end: string, beat: string]> = [
    ["bybit", 600_000, "cut", `{"op":"ping"}`],
    ["bitget", 120_000, "cut", "ping"],
    ["kucoin", 60_000, "1000 Bye", `{"id":"1","type":"ping"}`]
  ]
  for (const [venue, limit, end, beat] of silences) {
    it(`${venue}: a client that is silent for ${limit} ms is cut off, even while data flows`, () => {
      const talk = new Talk(venue, { market: { assets: 1, updates: 1 } })
      talk.dial(0)
      talk.wait(3 * limit, [limit / 2, beat])
      assert.deepStrictEqual(talk.ends, [])
      const last = limit * 2.5
      talk.wait(last + limit)
      assert.deepStrictEqual(talk.ends, [`${last + limit}: ${end}`])
      assert.deepStrictEqual(talk.rules, ["client silence"])
    })
  }

  it("OKX: 30 seconds in which nobody says anything; Kraken: 60", () => {
    for (const [venue, limit, beat] of [
      ["okx", 30_000, "ping"],
      ["kraken", 60_000, `{"method":"ping"}`]
    ] as const) {
      const talk = new Talk(venue)
      talk.dial(0)
      talk.say(beat, limit - 1)
      talk.wait(2 * limit - 2)
      assert.deepStrictEqual(talk.ends, [])
      talk.wait(2 * limit)
      assert.deepStrictEqual(talk.rules, ["quiet"])
    }
  })

  it("Coinbase: the first subscription must come within 5 seconds", () => {
    const talk = new Talk("coinbase")
    talk.dial(0)
    talk.dial(0)
    talk.say(`{"type":"subscribe","channel":"heartbeats"}`, 4999)
    talk.wait(20_000)
    assert.deepStrictEqual(talk.ends, ["5000: cut"])
    assert.deepStrictEqual(
      talk.simulator.ledger.violations.map(({ connection, rule }) => [connection, rule]),
      [[2, "first subscription"]]
    )
  })

  it("Bitfinex and Gate cut off who subscribes to nothing, which breaks no rule", () => {
    for (const [venue, limit] of [
      ["bitfinex", 60_000],
      ["gate", 30_500]
    ] as const) {
      const talk = new Talk(venue)
      talk.dial(0)
      talk.wait(limit)
      assert.deepStrictEqual(talk.ends, [`${limit}: cut`])
      assert.deepStrictEqual(talk.rules, [])
    }
  })

  it("Hyperliquid: a connection to which nothing is sent for a minute is cut", () => {
    const talk = new Talk("hyperliquid")
    talk.dial(0)
    talk.say(`{"method":"ping"}`, 50_000)
    talk.wait(109_999)
    assert.deepStrictEqual(talk.ends, [])
    talk.wait(110_000)
    assert.deepStrictEqual(talk.ends, ["110000: cut"])
  })

  it("Deribit: a test_request that is not answered ends the connection", () => {
    const talk = new Talk("deribit")
    talk.dial(0)
    talk.say(`{"jsonrpc":"2.0","id":1,"method":"public/set_heartbeat","params":{"interval":10}}`, 0)
    assert.strictEqual(some(talk.wait(10_000), "test_request").length, 1)
    talk.say(`{"jsonrpc":"2.0","id":2,"method":"public/test","params":{}}`, 10_100)
    assert.strictEqual(some(talk.wait(20_000), "test_request").length, 1)
    talk.wait(30_000)
    assert.deepStrictEqual(talk.ends, ["30000: cut"])
    assert.deepStrictEqual(talk.rules, ["heartbeat"])
  })

  it("KuCoin: a token is good for 24 hours, and none can be made up", () => {
    const talk = new Talk("kucoin", { market: { assets: 1, updates: 0.01 } })
    const { body } = talk.simulator.request({ method: "POST", url: "https://api.kucoin.com/api/v1/bullet-public" }, 0)
    const url = `wss://ws-api-spot.kucoin.com/?token=${/"token":"([^"]+)"/.exec(body)?.[1]}&connectId=x`
    assert.strictEqual(talk.dial(86_400_000, url), 1)
    assert.deepStrictEqual(talk.texts, [`{"id":"x","type":"welcome"}`])
    talk.dial(86_400_001, url)
    assert.strictEqual(talk.texts[1], `{"id":"x","type":"error","code":401,"data":"token is expired"}`)
    assert.deepStrictEqual(talk.ends, ["86400001: 1000 token is expired"])
    assert.deepStrictEqual(talk.rules, ["token"])
    assert.strictEqual(talk.dial(86_400_002, "wss://ws-api-spot.kucoin.com/?token=abc.def"), 401)
  })
})
