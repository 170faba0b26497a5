/**
 * Proves that no frame makes an adapter throw: what cannot be read is a typed
 * failure, and odd numbers keep their digits.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { isDecimal } from "../src/internal/json/decimal.ts"
import * as Document from "../src/internal/json/document.ts"
import * as Item from "../src/internal/json/item.ts"

import * as Topic from "../src/Topic.ts"
import * as Venues from "../src/Venues.ts"
import * as Bitfinex from "../src/venues/Bitfinex.ts"
import * as Gate from "../src/venues/Gate.ts"
import * as Kraken from "../src/venues/Kraken.ts"
import * as Kucoin from "../src/venues/Kucoin.ts"
import * as Bitget from "../src/venues/Bitget.ts"

const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
const hostile = [
  "",
  "{}",
  "[]",
  "null",
  "[1]",
  "[,]",
  '{"data":null}',
  '{"topic":5,"data":[]}',
  '{"channel":{},"data":[null]}',
  '{"stream":"__proto__","data":{"s":{},"b":[[1]]}}',
  '{"__proto__":{"data":1}}',
  '{"result":[[[]]]}',
  "\u0000\uffff",
  deep,
  `{"channel":"${"x".repeat(5_000_000)}"}`,
  `[${"1,".repeat(500_000)}1]`
]

describe("hostile frames", () => {
  for (const venue of Object.values(Venues.all())) {
    it(venue.id, () => {
      for (const frame of hostile) {
        assert.isString(venue.classify(frame, venue.wire())._tag)
        for (const topic of [Topic.book("A"), Topic.trades("A"), Topic.ticker("A")]) {
          const found = venue.decode(frame, topic, 0)
          if (Result.isFailure(found)) assert.include(found.failure.message, venue.id)
        }
      }
    })
  }

  it("numbers keep the digits of the wire", () => {
    Document.parse('{"a":1e-08,"b":[7e-7,64525.0],"c":"x\\"1","d":9007199254740993}')
    const root = Item.root()
    assert.deepStrictEqual([root.decimal("a"), root.text("c"), root.decimal("d")], ["1e-08", 'x"1', "9007199254740993"])
    assert.deepStrictEqual([root.list("b").decimal(0), root.list("b").decimal(1)], ["7e-7", "64525.0"])
    assert.strictEqual(root.sequence("d"), 9007199254740993n)
    for (const bad of ["", "-", ".", "0x10", "1e", "Infinity", "1,2", " 1", "1".repeat(65)])
      assert.isFalse(isDecimal(bad), bad)
  })

  it("Kraken's prices may have exponents", () => {
    const frame =
      '{"channel":"book","type":"snapshot","data":[{"symbol":"A/B","bids":[{"price":1e-08,"qty":2.50}],"asks":[],"checksum":1}]}'
    const [event] = Result.getOrThrow(Kraken.make().decode(frame, Topic.book("A/B"), 0))
    assert.deepInclude(event, { bids: { values: [1e-8], prices: ["1e-08"], sizes: ["2.50"] } })
  })

  it("Bitfinex's and Gate's signs say the side, and an exponent keeps its own", () => {
    const traded = (size: string) =>
      Result.getOrThrow(Bitfinex.make().decode(`[1,"te",[7,9,${size},5]]`, Topic.trades("A"), 0))
    assert.deepInclude(traded("-1e-05")[0], { side: "sell", size: 1e-5, sizeText: "1e-05" })
    assert.deepInclude(traded("1e-05")[0], { side: "buy", size: 1e-5, sizeText: "1e-05" })
    const frame = '{"result":{"id":1,"contract":"A","price":"5","size":"1e-05"}}'
    const [trade] = Result.getOrThrow(Gate.make({ market: "futures" }).decode(frame, Topic.trades("A"), 0))
    assert.deepInclude(trade, { side: "buy", size: 1e-5, sizeText: "1e-05" })
  })

  it("KuCoin's changes at price zero are no levels", () => {
    const frame =
      '{"topic":"/market/level2:A-B","data":{"symbol":"A-B","sequenceStart":1,"sequenceEnd":2,"changes":{"asks":[["0","0","1"]],"bids":[["5","1","2"]]}}}'
    const [event] = Result.getOrThrow(Kucoin.make().decode(frame, Topic.book("A-B"), 0))
    if (event?._tag !== "BookUpdate") return assert.fail("expected a book update")
    assert.deepStrictEqual([event.asks.prices, event.bids.prices, event.last], [[], ["5"], 2])
  })

  it("sequence numbers beyond 2^53 are exact", () => {
    const frame =
      '{"action":"update","arg":{"instType":"SPOT","channel":"books","instId":"A"},"data":[{"asks":[],"bids":[],"ts":"1","seq":9007199254740995,"pseq":9007199254740993}]}'
    const [event] = Result.getOrThrow(Bitget.make().decode(frame, Topic.book("A"), 0))
    assert.deepInclude(event, { last: 9007199254740995n, previous: 9007199254740993n })
  })
})
