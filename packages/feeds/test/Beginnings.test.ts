/**
 * Proves that a frame that is recognized by its beginning is what `classify` says
 * it is: for each venue that names beginnings, frames of two topics that differ in
 * all but that, whole and cut at every place, answers and notices, and beginnings
 * that no topic has.
 */
import { assert, describe, it } from "@effect/vitest"
import { Beginnings } from "../src/internal/line/beginnings.ts"
import type { Venue } from "../src/Venue.ts"
import * as BinanceSpot from "../src/venues/BinanceSpot.ts"
import * as BinanceUsdm from "../src/venues/BinanceUsdm.ts"
import * as Bitget from "../src/venues/Bitget.ts"
import * as Bybit from "../src/venues/Bybit.ts"
import * as Deribit from "../src/venues/Deribit.ts"
import * as Kucoin from "../src/venues/Kucoin.ts"
import * as Okx from "../src/venues/Okx.ts"

interface Case {
  readonly venue: Venue
  /** A frame of data of this symbol. */
  readonly frame: (symbol: string, price: string) => string
  readonly words: ReadonlyArray<string>
}

const binance = (venue: Venue): Case => ({
  venue,
  frame: (symbol, price) =>
    `{"stream":"${symbol.toLowerCase()}@aggTrade","data":{"e":"aggTrade","E":1,"s":"${symbol}","a":1,"p":"${price}","q":"1","T":1,"m":true}}`,
  words: [`{"result":null,"id":7}`, `{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}`]
})

const cases: ReadonlyArray<Case> = [
  binance(BinanceSpot.make()),
  binance(BinanceUsdm.make()),
  {
    venue: Bybit.make(),
    frame: (symbol, price) =>
      `{"topic":"publicTrade.${symbol}","type":"snapshot","ts":1,"data":[{"T":1,"s":"${symbol}","S":"Buy","v":"1","p":"${price}","i":"1"}]}`,
    words: [
      `{"success":true,"ret_msg":"","req_id":"7","op":"subscribe"}`,
      `{"success":true,"ret_msg":"pong","op":"ping"}`
    ]
  },
  {
    venue: Okx.make(),
    frame: (symbol, price) =>
      `{"arg":{"channel":"trades","instId":"${symbol}"},"data":[{"instId":"${symbol}","tradeId":"1","px":"${price}","sz":"1","side":"buy","ts":"1"}]}`,
    words: [`{"id":"7","event":"subscribe","arg":{"channel":"trades","instId":"A"},"connId":"x"}`, "pong"]
  },
  {
    venue: Bitget.make(),
    frame: (symbol, price) =>
      `{"action":"update","arg":{"instType":"SPOT","channel":"trade","instId":"${symbol}"},"data":[{"ts":"1","price":"${price}","size":"1","side":"buy","tradeId":"1"}],"ts":1}`,
    words: [`{"event":"subscribe","arg":{"instType":"SPOT","channel":"trade","instId":"A"}}`, "pong"]
  },
  {
    venue: Kucoin.make(),
    frame: (symbol, price) =>
      `{"topic":"/market/match:${symbol}","type":"message","subject":"trade.l3match","data":{"symbol":"${symbol}","price":"${price}","size":"1","side":"buy","tradeId":"1","time":"1"}}`,
    words: [`{"id":"7","type":"ack"}`, `{"id":"7","type":"pong","timestamp":1}`]
  },
  {
    venue: Deribit.make(),
    frame: (symbol, price) =>
      `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.${symbol}.100ms","data":[{"trade_id":"1","price":${price},"amount":1,"direction":"buy","timestamp":1}]}}`,
    words: [
      `{"jsonrpc":"2.0","id":7,"result":["a"]}`,
      `{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}`
    ]
  }
]

const topicsOf = (venue: Venue, raw: string): string | ReadonlyArray<string> | undefined => {
  const kind = venue.classify(raw, venue.wire())
  if (kind._tag !== "Data") return undefined
  return kind.keys.length === 1 ? kind.keys[0] : kind.keys
}

describe("beginnings", () => {
  for (const { frame, venue, words } of cases) {
    const beginnings = () => new Beginnings(venue.beginning!)

    it(`${venue.id}: what was learnt of one frame holds for all that begin so, and for no others`, () => {
      const known = beginnings()
      const topics = topicsOf(venue, frame("ABC", "1"))!
      assert.isUndefined(known.find(frame("ABC", "1")))
      known.learn(frame("ABC", "1"), topics)
      assert.deepStrictEqual(known.find(frame("ABC", "23.5")), topics)
      assert.isUndefined(known.find(frame("ABCD", "23.5")))
      assert.isUndefined(known.find(frame("AB", "23.5")))
      for (const word of words) assert.isUndefined(known.find(word), word)
    })

    it(`${venue.id}: a frame that is cut is found only where \`classify\` finds the same`, () => {
      const known = beginnings()
      const whole = frame("ABC", "1")
      known.learn(whole, topicsOf(venue, whole)!)
      for (let length = 0; length < whole.length; length++) {
        const cut = whole.slice(0, length)
        const found = known.find(cut)
        if (found !== undefined) assert.deepStrictEqual(found, topicsOf(venue, cut), cut)
      }
    })

    it(`${venue.id}: learns nothing of what has no such beginning, or one that is too long`, () => {
      const known = beginnings()
      known.learn(words[0]!, "foreign")
      assert.isUndefined(known.find(words[0]!))
      const long = frame("A".repeat(300), "1")
      known.learn(long, "long")
      assert.isUndefined(known.find(long))
    })
  }
})
