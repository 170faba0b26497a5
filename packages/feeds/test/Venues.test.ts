/**
 * Proves what holds for every adapter: its size, its dated sources, checked
 * limits, and that what it asks for is text that names each topic.
 */
import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as RateLimit from "kharbranth/RateLimit"
import * as Result from "effect/Result"
import * as Topic from "../src/Topic.ts"
import * as Venues from "../src/Venues.ts"
import * as Gate from "../src/venues/Gate.ts"

const folder = new URL("../src/venues/", import.meta.url)

describe("Venues", () => {
  it("each adapter has at most 150 lines", () => {
    for (const name of readdirSync(folder)) {
      assert.isAtMost(readFileSync(new URL(name, folder), "utf8").trimEnd().split("\n").length, 150, name)
    }
  })

  it("all twelve are in the registry under their ids, and in the table", () => {
    const all = Object.entries(Venues.all())
    assert.strictEqual(all.length, 12)
    for (const [id, venue] of all) assert.strictEqual(venue.id, id)
    assert.deepStrictEqual(
      Venues.support().map(({ venue }) => venue),
      all.map(([id]) => id)
    )
  })

  for (const venue of Object.values(Venues.all())) {
    it(`${venue.id}: limits, lines and requests`, () => {
      assert.match(venue.dated, /^\d{4}-\d\d-\d\d$/)
      for (const source of venue.sources) assert.match(source, /^https:/)
      for (const { limits } of Object.values(venue.lines)) {
        for (const limit of limits.send) assert.isUndefined(RateLimit.check(RateLimit.make(limit), venue.id))
      }
      const limits = Object.values(venue.lines)[0]?.limits
      assert.sameMembers(Object.keys(venue.evidence), Object.keys(limits ?? {}), "every number says how it is known")
      const topics = [Topic.trades("ABC"), Topic.book("ABC"), Topic.ticker("ABC")]
      for (const topic of topics) assert.property(venue.lines, venue.line(topic))
      assert.strictEqual(new Set(topics.map(venue.key)).size, topics.length)
      for (const frame of venue.subscribe(topics, 7, venue.wire())) {
        assert.isObject(JSON.parse(frame))
        assert.match(frame, /abc/i)
      }
    })
  }

  it("the table of support names the numbers that are assumed", () => {
    const assumed = new Map(Venues.support().map(({ assumed, venue }) => [venue, assumed]))
    assert.isTrue(assumed.get("kraken")?.includes("send"))
    assert.isFalse(assumed.get("okx")?.includes("send"))
    for (const names of assumed.values()) assert.isTrue(names.includes("firstData"))
  })

  it("Gate's requests carry the time in whole seconds", () => {
    const venue = Gate.make({ now: () => 1_700_000_000_999 })
    for (const frame of [
      ...venue.subscribe([Topic.trades("A")], 1, venue.wire()),
      ...venue.unsubscribe([Topic.trades("A")], 2, venue.wire())
    ])
      assert.strictEqual((JSON.parse(frame) as { readonly time: number }).time, 1_700_000_000)
  })

  it("Binance USD-M carries trades on a line of their own", () => {
    const venue = Venues.all()["binance-usdm"]!
    assert.deepStrictEqual([Topic.trades("A"), Topic.book("A"), Topic.ticker("A")].map(venue.line), [
      "market",
      "public",
      "public"
    ])
  })

  it("Coinbase lists the newest trade first; the feed has the oldest first", () => {
    const trade = (id: number) =>
      `{"trade_id":"${id}","product_id":"BTC-USD","price":"1","size":"1","time":"2026-11-28T00:00:00Z","side":"BUY"}`
    const frame = `{"channel":"market_trades","client_id":"","timestamp":"2026-11-28T00:00:00Z","sequence_num":3,"events":[{"type":"update","trades":[${[3, 2, 1].map(trade).join(",")}]}]}`
    const found = Venues.all()["coinbase"]!.decode(frame, Topic.trades("BTC-USD"), 0)
    assert.deepStrictEqual(
      Result.getOrThrow(found).map((event) => event._tag === "Trade" && event.id),
      ["1", "2", "3"]
    )
  })
})
