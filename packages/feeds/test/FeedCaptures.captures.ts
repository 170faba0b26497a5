/**
 * Proves on recorded sessions, which are read from a folder outside the repository,
 * that a whole feed (connections, subscriptions, books and their remedies) ends
 * with the books that an independent oracle says, without a gap or a remedy.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Feed from "../src/Feed.ts"
import * as Recording from "../src/Recording.ts"
import * as Topic from "../src/Topic.ts"
import type { Options, Venue } from "../src/Venue.ts"
import * as BinanceSpot from "../src/venues/BinanceSpot.ts"
import * as BinanceUsdm from "../src/venues/BinanceUsdm.ts"
import * as Bitfinex from "../src/venues/Bitfinex.ts"
import * as Bybit from "../src/venues/Bybit.ts"
import * as Coinbase from "../src/venues/Coinbase.ts"
import * as Deribit from "../src/venues/Deribit.ts"
import * as Gate from "../src/venues/Gate.ts"
import * as Kucoin from "../src/venues/Kucoin.ts"
import * as Okx from "../src/venues/Okx.ts"
import {
  json,
  type Oracles,
  present,
  read,
  sidesOf,
  symbolIn,
  topOf,
  type Wanted,
  wantedOf
} from "./support/captures.ts"
import { collect, pass } from "./support/rig.ts"

const sessions: Readonly<Record<string, (options: Options) => Venue>> = {
  "binance-spot/session.ndjson": BinanceSpot.make,
  "binance-usdm/session.ndjson.gz": BinanceUsdm.make,
  "bybit-v5/linear-btc-eth.ndjson.gz": Bybit.make,
  "bybit-v5/spot-btc.ndjson": Bybit.make,
  "coinbase-advanced/session.ndjson.gz": Coinbase.make,
  "deribit/session.ndjson": (options) => Deribit.make({ ...options, interval: "raw" }),
  "bitfinex/session.ndjson": Bitfinex.make,
  "gate-v4/futures-session.ndjson": (options) => Gate.make({ ...options, market: "futures" }),
  "gate-v4/spot-session.ndjson": Gate.make,
  "kucoin/session.ndjson.gz": Kucoin.make,
  "okx-v5/books-checksums-2022.ndjson": (options) => Okx.make({ ...options, proof: "checksum" })
}

if (!present) {
  it("says that there are no captures", () => assert.isFalse(present))
} else {
  const expected = json("EXPECTED.json") as Readonly<Record<string, Oracles>>
  describe("captures through a whole feed", () => {
    for (const [file, make] of Object.entries(sessions)) {
      it.effect(file, () => check(file, make, wantedOf(file, expected[file] ?? {})), 120_000)
    }
  })
}

const check = (file: string, make: (options: Options) => Venue, wanted: ReadonlyArray<Wanted>) =>
  Effect.gen(function* () {
    assert.isNotEmpty(wanted)
    const lines = read(file)
    const target = lines.find(({ t }) => t === "connect")?.url
    // A recording of somebody else's client has no answer to what ours says first.
    const venue: Venue = { ...Recording.replayable(make({ target })), open: undefined }
    const played = lines.flatMap(({ conn, data, t, ts, url }): ReadonlyArray<Recording.Line> => {
      if (t === "shape") return []
      const symbol = t === "http" ? symbolIn(url) : undefined
      return [{ t, ts, conn, data, url: symbol === undefined ? url : venue.snapshot?.(Topic.book(symbol)).url }]
    })
    const feed = yield* Recording.replay(Feed.make({ venue }), played)
    const reports = yield* collect(feed.reports)
    const books = yield* Effect.forEach(wanted, ({ symbol }) => feed.book(Topic.book(symbol)))
    const [first] = lines
    yield* pass(((lines.at(-1)?.ts ?? 0) - (first?.ts ?? 0)) * 1000 + 1000, 500)
    for (const [index, one] of wanted.entries()) {
      const { symbol } = one
      const found = Option.getOrUndefined(yield* books[index]!.depth(10))
      if (found === undefined) return assert.fail(`${symbol}: ${JSON.stringify(books[index]!.status.getUnsafe())}`)
      assert.deepStrictEqual(sidesOf(found), topOf(one), symbol)
    }
    const remedies = reports.filter((report) => report._tag !== "Resync" || report.step !== "rest")
    assert.deepStrictEqual(remedies, [])
    const [line] = yield* feed.lines
    assert.strictEqual(line?.malformed, 0)
    assert.strictEqual(line?.gaps, 0)
    process.stdout.write(`${file}: ${line?.frames} frames, ${wanted.length} books exact through a whole feed\n`)
  })
