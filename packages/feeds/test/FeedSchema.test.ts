/**
 * Proves that every event and marker of a feed survives its schema as JSON text,
 * numbers beyond 2^53 included, and that what is none is refused.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { FeedEvent, Marker } from "../src/FeedEvent.ts"
import * as FeedSchema from "../src/FeedSchema.ts"
import * as Topic from "../src/Topic.ts"
import { collect, pass, rig, settle } from "./support/rig.ts"
import { dialects } from "./support/venues.ts"

const symbol = "BTCUSDT"
const encode = Schema.encodeUnknownExit(FeedSchema.Text)
const decode = Schema.decodeUnknownExit(FeedSchema.Text)

describe("FeedSchema", () => {
  it.effect("what a feed delivers comes back from text", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const found: Array<FeedEvent | Marker> = []
      for (const topic of [Topic.trades(symbol), Topic.book(symbol), Topic.ticker(symbol)]) {
        const entries = yield* collect(feed.entries(topic))
        yield* pass("1 second")
        venue.trade()
        venue.change()
        venue.tick()
        yield* settle
        yield* venue.cut
        yield* pass("10 seconds")
        found.push(...entries)
      }
      found.push({ _tag: "Lagged", dropped: 3 })
      const update = found.find((one) => one._tag === "BookUpdate")
      if (update?._tag === "BookUpdate") found.push({ ...update, last: 9007199254740995n })
      assert.deepStrictEqual([...new Set(found.map(({ _tag }) => _tag))].toSorted(), [
        "BookUpdate",
        "Gap",
        "Lagged",
        "Resynced",
        "Stale",
        "Ticker",
        "Trade"
      ])
      for (const one of found) {
        const text = Exit.isSuccess(encode(one)) ? Schema.encodeSync(FeedSchema.Text)(one) : assert.fail(one._tag)
        assert.deepStrictEqual(Schema.decodeSync(FeedSchema.Text)(text), one)
      }
    })
  )

  it("what is no event is refused", () => {
    for (const bad of ["", "{}", '{"_tag":"Trade"}', '{"_tag":"Lagged","dropped":"3"}', "null"]) {
      assert.isTrue(Exit.isFailure(decode(bad)), bad)
    }
  })
})
