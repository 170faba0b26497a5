/**
 * Proves how simulators answer: the shape of a grant and of each refusal, which
 * topics are granted and stay silent, data that comes before its answer, and what
 * comes by itself while nothing happens.
 */
import { assert, describe, it } from "@effect/vitest"
import { some, Talk } from "./talk.ts"

const calm = { assets: 2, updates: 0.001, trades: 0 }

const open = (...[venue, options]: ConstructorParameters<typeof Talk>) => {
  const talk = new Talk(venue, { market: calm, ...options })
  talk.dial(0)
  return talk
}

describe("answers", () => {
  it("Binance: by id, raw or in an envelope, and silent for what does not exist", () => {
    const talk = open("binance-spot", { market: { assets: 1 } })
    assert.deepStrictEqual(talk.say(`{"method":"SUBSCRIBE","params":["nope@trade","btcusdt@trade"],"id":7}`), [
      `{"result":null,"id":7}`
    ])
    assert.deepStrictEqual(talk.say(`{"method":"LIST_SUBSCRIPTIONS","id":"x"}`), [
      `{"result":["btcusdt@trade"],"id":"x"}`
    ])
    assert.deepStrictEqual(talk.say(`{"method":"JUMP","id":8}`), [
      `{"code":2,"msg":"Invalid request: unknown method","id":8}`
    ])
    assert.match(talk.say(`{"method":`)[0] ?? "", /^\{"code":3,/)
    assert.deepStrictEqual(talk.rules, ["unknown request", "malformed"])
    assert.match(talk.wait(30_000)[0] ?? "", /^\{"stream":"btcusdt@trade","data":\{"e":"trade",/)
    talk.dial(40_000, "wss://stream.binance.com:9443/ws/btcusdt@trade")
    assert.isAbove(talk.wait(70_000).filter((text) => text.startsWith(`{"e":"trade",`)).length, 0)
  })

  it("Bybit: a request fails as a whole, data comes before the answer, and pings are answered", () => {
    const talk = open("bybit")
    const both = talk.say(`{"req_id":"1","op":"subscribe","args":["orderbook.50.BTCUSDT","orderbook.50.NOPE"]}`)
    assert.deepStrictEqual(both, [
      `{"success":false,"ret_msg":"error:handler not found,topic:orderbook.50.NOPE","conn_id":"sim-1","req_id":"1","op":"subscribe"}`
    ])
    const [snapshot, ack] = [
      ...talk.say(`{"req_id":"2","op":"subscribe","args":["orderbook.50.BTCUSDT"]}`),
      ...talk.wait(100)
    ]
    assert.match(snapshot ?? "", /^\{"topic":"orderbook.50.BTCUSDT","type":"snapshot"/)
    assert.strictEqual(ack, `{"success":true,"ret_msg":"","conn_id":"sim-1","req_id":"2","op":"subscribe"}`)
    assert.match(talk.say(`{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}`)[0] ?? "", /error:already subscribed/)
    assert.match(talk.say(`{"req_id":"3","op":"ping"}`)[0] ?? "", /"ret_msg":"pong".*"req_id":"3","op":"ping"/)
    talk.dial(200, "wss://stream.bybit.com/v5/public/spot")
    talk.say(`{"op":"subscribe","args":["publicTrade.BTCUSDT"]}`, 200, 2)
    assert.deepStrictEqual(talk.wait(300), [
      `{"success":true,"ret_msg":"subscribe","conn_id":"sim-2","op":"subscribe"}`
    ])
  })

  it("Bybit: the best level comes again after 3 seconds, with the same number", () => {
    const talk = open("bybit")
    talk.say(`{"op":"subscribe","args":["orderbook.1.BTCUSDT"]}`)
    const books = some([...talk.texts, ...talk.wait(10_000)], "orderbook.1")
    assert.strictEqual(books.length, 4)
    assert.strictEqual(new Set(books.map((text) => /"u":(\d+)/.exec(text)?.[1])).size, 1)
  })

  it("OKX: one answer per topic, and an empty update after a quiet minute", () => {
    const talk = open("okx")
    const args = [
      { channel: "books", instId: "BTC-USDT" },
      { channel: "books", instId: "NOPE" },
      { channel: "trades", instId: "BTC-USDT" }
    ]
    const [first, book, unknown, second] = talk.say(JSON.stringify({ id: "9", op: "subscribe", args }))
    assert.match(
      first ?? "",
      /^\{"id":"9","event":"subscribe","arg":\{"channel":"books","instId":"BTC-USDT"\},"connId"/
    )
    assert.match(book ?? "", /"action":"snapshot".*"checksum":0,"prevSeqId":-1,"seqId":(\d+)/)
    assert.match(unknown ?? "", /"event":"error","code":"60018"/)
    assert.match(second ?? "", /"event":"subscribe","arg":\{"channel":"trades"/)
    assert.deepStrictEqual(talk.say("ping"), ["pong"])
    const empty = some(talk.wait(61_000, [20_000, "ping"]), `"asks":[],"bids":[]`)[0] ?? ""
    const [, previous, last] = /"prevSeqId":(\d+),"seqId":(\d+)/.exec(empty) ?? []
    assert.isDefined(previous)
    assert.strictEqual(previous, last)
    assert.match(talk.say("nonsense")[0] ?? "", /"code":"60012"/)
  })

  it("Coinbase: numbers from 0, data before an answer that lists everything", () => {
    const talk = open("coinbase")
    const frames = talk.say(`{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}`)
    assert.match(frames[0] ?? "", /^\{"channel":"l2_data",.*"sequence_num":0,.*"type":"snapshot"/)
    assert.include(frames[1], `"sequence_num":1,"events":[{"subscriptions":{"level2":["BTC-USD"]}}]`)
    const list = talk.say(`{"type":"subscribe","channel":"heartbeats"}`)[0]
    assert.include(
      list,
      `"sequence_num":2,"events":[{"subscriptions":{"level2":["BTC-USD"],"heartbeats":["heartbeats"]}}]`
    )
    assert.strictEqual(some(talk.wait(5000), "heartbeat_counter").length, 5)
    assert.deepStrictEqual(talk.say(`{"type":"subscribe","channel":"nope"}`), [
      `{"type":"error","message":"authentication failure"}`
    ])
  })

  it("Kraken: one answer per symbol, a heartbeat each second while subscribed, pongs", () => {
    const talk = open("kraken")
    assert.match(talk.texts[0] ?? "", /"channel":"status".*"system":"online"/)
    assert.deepStrictEqual(talk.wait(3000), [])
    const ask = `{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD","XBT/USD"],"depth":25},"req_id":4}`
    const [grant, book, refusal] = talk.say(ask)
    assert.match(
      grant ?? "",
      /"result":\{"channel":"book","symbol":"BTC\/USD","depth":25,"snapshot":true\},"success":true.*"req_id":4/
    )
    assert.match(book ?? "", /"type":"snapshot".*"checksum":\d+,"timestamp":"1970-01-01T00:00:0\d\.\d{6}Z"/)
    assert.match(refusal ?? "", /"error":"Currency pair not supported XBT\/USD".*"success":false,"symbol":"XBT\/USD"/)
    assert.match(talk.say(ask)[0] ?? "", /Already subscribed/)
    assert.strictEqual(some(talk.wait(10_000), `{"channel":"heartbeat"}`).length, 7)
    assert.match(talk.say(`{"method":"ping","req_id":5}`)[0] ?? "", /^\{"method":"pong","req_id":5,"time_in"/)
    assert.match(talk.say(ask.replace("25", "26"))[0] ?? "", /depth not supported/)
  })

  it("KuCoin: unknown symbols are granted and stay silent; changes at a price of zero only count", () => {
    const talk = open("kucoin", { market: { assets: 1, updates: 20 } })
    assert.match(talk.texts[0] ?? "", /"type":"welcome"/)
    const ask = `{"id":"5","type":"subscribe","topic":"/market/level2:NOPE-USDT,BTC-USDT","response":true}`
    assert.deepStrictEqual(talk.say(ask), [`{"id":"5","type":"ack"}`])
    const frames = talk.wait(20_000)
    assert.deepStrictEqual(some(frames, "NOPE"), [])
    const zeros = some(frames, `["0","0","`).length
    assert.isAbove(zeros / frames.length, 0.2)
    assert.isBelow(zeros / frames.length, 0.5)
    assert.match(
      talk.say(`{"id":"6","type":"subscribe","topic":"/nope:BTC-USDT","response":true}`)[0] ?? "",
      /"code":404/
    )
  })

  it("Bitfinex: ids per session, numbers and checksums for who asks, heartbeats each 15 seconds", () => {
    const talk = open("bitfinex")
    assert.match(talk.texts[0] ?? "", /^\{"event":"info","version":2,.*"platform":\{"status":1\}\}$/)
    assert.deepStrictEqual(talk.say(`{"event":"conf","flags":196608}`), [
      `{"event":"conf","status":"OK","flags":196608}`
    ])
    const ask = `{"event":"subscribe","channel":"book","symbol":"tBTCUSD","len":"100"}`
    const [grant, book] = talk.say(ask)
    const id = /"chanId":(\d+)/.exec(grant ?? "")?.[1]
    assert.match(book ?? "", new RegExp(String.raw`^\[${id},\[\[[\d.]+,\d,[\d.]+\],.*\],1\]$`))
    assert.match(talk.say(ask)[0] ?? "", /"event":"error","msg":"subscribe: dup","code":10301/)
    const frames = talk.wait(31_000)
    assert.strictEqual(some(frames, `[${id},"hb",`).length, 2)
    assert.strictEqual(some(frames, `[${id},"cs",`).length, 6)
    assert.deepStrictEqual(talk.say(`{"event":"unsubscribe","chanId":${id}}`), [
      `{"event":"unsubscribed","status":"OK","chanId":${id}}`
    ])
    talk.dial(32_000)
    const again = talk.say(ask, 32_000, 2)
    assert.notStrictEqual(/"chanId":(\d+)/.exec(again[0] ?? "")?.[1], id)
    // Who switched nothing on gets no numbers.
    assert.match(again[1] ?? "", /\]\]\]$/)
  })

  it("Deribit: grants what it knows, and sends no second snapshot", () => {
    const talk = open("deribit")
    const ask = `{"jsonrpc":"2.0","id":3,"method":"public/subscribe","params":{"channels":["book.BTC-PERPETUAL.100ms","book.NOPE.100ms"]}}`
    const [grant, snapshot] = talk.say(ask)
    assert.match(grant ?? "", /"id":3,"result":\["book.BTC-PERPETUAL.100ms"\],"usIn"/)
    assert.match(snapshot ?? "", /"type":"snapshot"/)
    assert.notInclude(snapshot, "prev_change_id")
    assert.strictEqual(talk.say(ask).length, 1)
    talk.say(ask.replace("subscribe", "unsubscribe"))
    assert.strictEqual(talk.say(ask).length, 2)
    assert.match(talk.say(`{"id":4,"method":"public/nope"}`)[0] ?? "", /"code":-32601/)
  })

  it("Gate: one answer per request, and a book in the stream before its answer", () => {
    const talk = open("gate")
    const ask = (channel: string, ...payload: ReadonlyArray<string>) =>
      JSON.stringify({ time: 1, id: 3, channel, event: "subscribe", payload })
    const update = ask("spot.order_book_update", "BTC_USDT", "100ms")
    assert.match(talk.say(update)[0] ?? "", /"id":3,.*"result":\{"status":"success"\}/)
    assert.match(talk.say(update)[0] ?? "", /"error":\{"code":2,"message":"Alert sub"\}/)
    assert.match(talk.say(ask("spot.trades", "NOPE"))[0] ?? "", /"error":\{"code":2/)
    const [book] = talk.say(ask("spot.obu", "ob.BTC_USDT.50"))
    assert.match(book ?? "", /"event":"update","result":\{"t":\d+,"full":true,"s":"ob.BTC_USDT.50","u":\d+/)
    assert.match(talk.wait(100)[0] ?? "", /"event":"subscribe".*"status":"success"/)
    assert.match(talk.say(`{"time":1,"channel":"spot.ping"}`)[0] ?? "", /"channel":"spot.pong"/)
  })

  it("Bitget: one answer per topic; another product is granted and stays silent", () => {
    const talk = open("bitget")
    const ask = (instType: string, instId: string) =>
      talk.say(JSON.stringify({ op: "subscribe", args: [{ instType, channel: "books", instId }] }))
    assert.match(ask("SPOT", "BTCUSDT")[1] ?? "", /^\{"action":"snapshot",.*"pseq":0\}/)
    assert.strictEqual(ask("COIN-FUTURES", "BTCUSDT").length, 1)
    assert.match(ask("SPOT", "NOPE")[0] ?? "", /^\{"event":"error","arg":\{.*\},"code":30001/)
    assert.deepStrictEqual(talk.say("ping"), ["pong"])
  })

  it("Hyperliquid: whole books at a pace, and one unknown coin ends the connection", () => {
    const talk = open("hyperliquid", { market: { assets: 2 } })
    const ask = (coin: string, fast: boolean) =>
      talk.say(JSON.stringify({ method: "subscribe", subscription: { type: "l2Book", coin, fast } }))
    const [grant, book] = ask("BTC", true)
    assert.include(grant, `"subscription":{"type":"l2Book","coin":"BTC","nSigFigs":null,"mantissa":null,"fast":true}`)
    assert.strictEqual((book ?? "").split(`"px"`).length - 1, 10)
    assert.strictEqual(some(talk.wait(10_000), "l2Book").length, 18)
    assert.match(ask("BTC", true)[0] ?? "", /"channel":"error","data":"Already subscribed/)
    ask("NOPE", true)
    assert.deepStrictEqual(talk.ends, ["10000: cut"])
    assert.deepStrictEqual(talk.rules, ["unknown coin"])
  })
})
