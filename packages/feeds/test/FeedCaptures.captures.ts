/**
 * Proves on recorded sessions, which are read from a folder outside the repository,
 * that a whole feed (connections, subscriptions, books and their remedies) ends
 * with the books that an independent oracle says, without a gap or a remedy.
 */
import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { gunzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Book from "../src/Book.ts"
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
import { collect, pass } from "./support/rig.ts"

const root = resolve(import.meta.dirname, "../../..")
const folder = resolve(root, process.env["KHARBRANTH_CAPTURES"] ?? "../shared/captures")

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

interface Side {
  readonly bids: ReadonlyArray<readonly [string, string]>
  readonly asks: ReadonlyArray<readonly [string, string]>
}
type Oracle = Readonly<Record<string, { readonly final?: Side }>> & { readonly books?: Readonly<Record<string, Side>> }

const wantedOf = (oracle: Oracle): ReadonlyArray<readonly [string, Side]> =>
  oracle.books === undefined
    ? Object.entries(oracle).flatMap(([symbol, { final }]) => (final === undefined ? [] : [[symbol, final] as const]))
    : Object.entries(oracle.books)

const linesOf = (file: string): ReadonlyArray<Recording.Line> => {
  const bytes = readFileSync(resolve(folder, file))
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8")
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Recording.Line & { readonly addr?: string })
    .map(({ addr, conn, data, t, ts, url }): Recording.Line => ({
      t,
      ts,
      conn,
      url: url ?? addr,
      data: typeof data === "string" ? data : JSON.stringify(data ?? "")
    }))
    .toSorted((a, b) => a.ts - b.ts)
}

const symbolIn = (url: string | undefined) => /[?&](?:symbol|currency_pair|contract)=([^&]+)/.exec(url ?? "")?.[1]

const present = existsSync(resolve(folder, "EXPECTED.json"))

if (!present) {
  it("says that there are no captures", () => assert.isFalse(present))
} else {
  const expected = JSON.parse(readFileSync(resolve(folder, "EXPECTED.json"), "utf8")) as Record<string, Oracle>
  describe("captures through a whole feed", () => {
    for (const [file, make] of Object.entries(sessions)) {
      it.effect(file, () => check(file, make, wantedOf(expected[file] ?? {})), 120_000)
    }
  })
}

const check = (file: string, make: (options: Options) => Venue, wanted: ReadonlyArray<readonly [string, Side]>) =>
  Effect.gen(function* () {
    assert.isNotEmpty(wanted)
    const lines = linesOf(file)
    const target = lines.find(({ t }) => t === "connect")?.url
    // A recording of somebody else's client has no answer to what ours says first.
    const venue: Venue = { ...Recording.replayable(make({ target })), open: undefined }
    const played = lines.map((line): Recording.Line => {
      const symbol = line.t === "http" ? symbolIn(line.url) : undefined
      return symbol === undefined ? line : { ...line, url: venue.snapshot?.(Topic.book(symbol)).url }
    })
    const feed = yield* Recording.replay(Feed.make({ venue }), played)
    const reports = yield* collect(feed.reports)
    const books = yield* Effect.forEach(wanted, ([symbol]) => feed.book(Topic.book(symbol)))
    const [first] = lines
    yield* pass(((lines.at(-1)?.ts ?? 0) - (first?.ts ?? 0)) * 1000 + 1000, 500)
    const pairs = (list: ReadonlyArray<Book.Level>) => list.map((level) => [level.priceText, level.sizeText])
    for (const [index, [symbol, side]] of wanted.entries()) {
      const found = Option.getOrUndefined(yield* books[index]!.depth(10))
      if (found === undefined) return assert.fail(`${symbol}: ${JSON.stringify(books[index]!.status.getUnsafe())}`)
      assert.deepStrictEqual(pairs(found.bids), side.bids.slice(0, 10) as never, symbol)
      assert.deepStrictEqual(
        pairs(found.asks),
        side.asks.slice(0, 10).map(([price, size]) => [price, size.replace("-", "")]),
        symbol
      )
    }
    const remedies = reports.filter((report) => report._tag !== "Resync" || report.step !== "rest")
    assert.deepStrictEqual(remedies, [])
    const [line] = yield* feed.lines
    assert.strictEqual(line?.malformed, 0)
    assert.strictEqual(line?.gaps, 0)
    process.stdout.write(`${file}: ${line?.frames} frames, ${wanted.length} books exact through a whole feed\n`)
  })
