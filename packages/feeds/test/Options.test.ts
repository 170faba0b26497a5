/**
 * Proves that a feed refuses options that it cannot mean before it opens
 * anything, typed and with their place: its own, those of its venues, the numbers
 * of their lines, and those of a reader. And that what is right passes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Feed from "../src/Feed.ts"
import * as Topic from "../src/Topic.ts"
import type { Limits } from "../src/Venue.ts"
import * as Venues from "../src/Venues.ts"
import * as BinanceSpot from "../src/venues/BinanceSpot.ts"
import * as Bitget from "../src/venues/Bitget.ts"
import * as Bybit from "../src/venues/Bybit.ts"
import * as Deribit from "../src/venues/Deribit.ts"
import * as Gate from "../src/venues/Gate.ts"
import * as Kraken from "../src/venues/Kraken.ts"
import * as Okx from "../src/venues/Okx.ts"

/** Makes a feed where every dial is counted; returns the place and the text of its refusal. */
const refused = (options: Feed.Options) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    const error = yield* Effect.flip(network.provide(Feed.make(options)))
    assert.strictEqual(error._tag, "InvalidOptions")
    return error._tag === "InvalidOptions" ? [error.path.join("."), error.message] : []
  }).pipe(Effect.scoped)

const venue = Bybit.make()

const withLimits = (limits: Partial<Limits>) => ({ venue: Bybit.make({ limits }) })

/** Options of programs that are not type-checked. */
const untyped = (options: unknown): never => options as never

const feeds: Readonly<Record<string, Feed.Options>> = {
  "lines": { venue, lines: 0 },
  "maxConnections": { venue, maxConnections: 1.5 },
  "venues": { venues: [] },
  "venues.1": { venues: [venue, Bybit.make({ category: "linear" })] },
  "venues.1.depth": { venues: [venue, Kraken.make(untyped({ depth: 11 }))] }
}

const adapters: Readonly<Record<string, Feed.Options>> = {
  "venue.depth": { venue: Bybit.make(untyped({ depth: 7 })) },
  "venue.category": { venue: Bybit.make(untyped({ category: "sport" })) },
  "venue.levels": { venue: BinanceSpot.make(untyped({ levels: 7 })) },
  "venue.interval": { venue: Deribit.make(untyped({ interval: "1ms" })) },
  "venue.market": { venue: Gate.make(untyped({ market: "options" })) },
  "venue.now": { venue: Gate.make(untyped({ now: 5 })) },
  "venue.proof": { venue: Okx.make(untyped({ proof: "faith" })) },
  "venue.instType": { venue: Bitget.make({ instType: "" }) },
  "venue.dept": { venue: Bybit.make(untyped({ dept: 50 })) },
  "venue.limits.dials": { venue: Bybit.make(untyped({ limits: { dials: 3 } })) }
}

const limits: Readonly<Record<string, Feed.Options>> = {
  "send.0.minGap": withLimits({ send: [{ minGap: "-1 second" }] }),
  "send.1": withLimits({ send: [{ minGap: "1 second" }, {}] }),
  "dial.limit": withLimits({ dial: { limit: 0, window: "1 minute" } }),
  "dial.window": withLimits({ dial: { limit: 1, window: -5 } }),
  "batch.items": withLimits({ batch: { items: 0, bytes: undefined } }),
  "batch.bytes": withLimits({ batch: { items: 1, bytes: 0 } }),
  "perConnection.topics": withLimits({ perConnection: { topics: 0, characters: undefined } }),
  "perConnection.characters": withLimits({ perConnection: { topics: undefined, characters: -1 } }),
  "maxMessageSize": withLimits({ maxMessageSize: 0 }),
  "maxAge": withLimits({ maxAge: "-1 hour" }),
  "firstData": withLimits({ firstData: untyped("soon") }),
  "rest.limit": withLimits({ rest: { limit: 0, window: "1 second", snapshot: 1 } }),
  "rest.window": withLimits({ rest: { limit: 1, window: "0 seconds", snapshot: 1 } }),
  "rest.snapshot": withLimits({ rest: { limit: 1, window: "1 second", snapshot: NaN } })
}

const prefixed = Object.fromEntries(
  Object.entries(limits).map(([path, options]) => [`venue.lines.public.limits.${path}`, options])
)

describe("options", () => {
  const all = { ...feeds, ...adapters, ...prefixed }
  for (const [path, options] of Object.entries(all)) {
    it.effect(`${path} is refused by its place`, () =>
      Effect.gen(function* () {
        const [found, message] = yield* refused(options)
        assert.strictEqual(found, path)
        assert.match(message ?? "", /^Connection "feed": option .+ is not usable: .+/)
      })
    )
  }

  it.effect("one venue or several, not both, and not none", () =>
    Effect.gen(function* () {
      assert.match((yield* refused({ venue, venues: [venue] }))[1] ?? "", /`venue` or `venues`, not both/)
      assert.match((yield* refused({}))[1] ?? "", /at least one venue/)
    })
  )

  it.effect("a capacity of 0 fails the reader alone, before the venue is dialed", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const feed = yield* network.provide(Feed.make({ venue }))
      const topics = [Topic.trades("BTCUSDT"), Topic.book("BTCUSDT")]
      const readers = topics.flatMap((topic) => [
        Stream.runDrain(feed.entries(topic, { capacity: 0 })),
        Stream.runDrain(feed.raw(topic, { capacity: -1 })),
        Stream.runDrain(feed.stream(topic, { capacity: NaN }))
      ])
      for (const reader of readers) {
        const error = yield* Effect.flip(reader)
        assert.deepStrictEqual(error._tag === "InvalidOptions" && error.path, ["capacity"])
      }
      assert.deepStrictEqual(yield* feed.topics, [])
    })
  )

  it.effect("every venue passes as it is, and so does every option that its types allow", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.provide(Feed.make({ venues: Object.values(Venues.all()), lines: 2, maxConnections: 1 }))
      const own = [
        ...([1, 50, 200, 1000] as const).map((depth) => Bybit.make({ depth, category: "inverse" })),
        ...([10, 25, 100, 500, 1000] as const).map((depth) => Kraken.make({ depth })),
        ...([100, 500, 1000, 5000] as const).map((levels) => BinanceSpot.make({ levels })),
        Deribit.make({ interval: "raw" }),
        Gate.make({ market: "futures", now: () => 0 }),
        Okx.make({ proof: "checksum" }),
        Bitget.make({ instType: "COIN-FUTURES", proof: "sequence" }),
        Bybit.make({ depth: undefined, limits: { maxAge: undefined }, target: undefined })
      ]
      for (const one of own) yield* network.provide(Feed.make({ venue: one }))
    })
  )
})
