/**
 * Proves on recorded sessions, which are read from a folder outside the repository,
 * that books end exactly as an independent oracle says; and that no lost, doubled,
 * swapped or cut frame makes a book say something wrong.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Book from "../src/Book.ts"
import * as Topic from "../src/Topic.ts"
import type { Venue } from "../src/Venue.ts"
import * as BinanceSpot from "../src/venues/BinanceSpot.ts"
import * as BinanceUsdm from "../src/venues/BinanceUsdm.ts"
import * as Bitfinex from "../src/venues/Bitfinex.ts"
import * as Bitget from "../src/venues/Bitget.ts"
import * as Bybit from "../src/venues/Bybit.ts"
import * as Coinbase from "../src/venues/Coinbase.ts"
import * as Deribit from "../src/venues/Deribit.ts"
import * as Gate from "../src/venues/Gate.ts"
import * as Hyperliquid from "../src/venues/Hyperliquid.ts"
import * as Kraken from "../src/venues/Kraken.ts"
import * as Kucoin from "../src/venues/Kucoin.ts"
import * as Okx from "../src/venues/Okx.ts"
import {
  folder,
  json,
  type Line,
  type Oracles,
  present,
  read,
  sidesOf,
  topOf,
  type Wanted,
  wantedOf
} from "./support/captures.ts"
import { random } from "./support/random.ts"
import { replay, said, type Watched } from "./support/replay.ts"

/** The adapter for a file, and for one of its symbols where they differ. */
const adapters: ReadonlyArray<readonly [RegExp, (symbol: string) => Venue]> = [
  [/^binance-spot\//, () => BinanceSpot.make()],
  [/^binance-usdm\//, () => BinanceUsdm.make()],
  [/^bybit-v5\/depth1/, () => Bybit.make({ depth: 1 })],
  [/^bybit-v5\//, () => Bybit.make()],
  [/^okx-v5\/books-checksums/, () => Okx.make({ proof: "checksum" })],
  [/^okx-v5\//, () => Okx.make()],
  [
    /^bitget\/books-checksums/,
    (symbol) => Bitget.make({ instType: symbol === "DASHUSDT" ? "mc" : "sp", proof: "checksum" })
  ],
  [/^bitget\//, () => Bitget.make({ instType: "USDT-FUTURES" })],
  [/^kucoin\//, () => Kucoin.make()],
  [/^gate-v4\/futures/, () => Gate.make({ market: "futures" })],
  [/^gate-v4\//, () => Gate.make()],
  [/^deribit\//, () => Deribit.make({ interval: "raw" })],
  [/^bitfinex\//, () => Bitfinex.make()],
  [/^coinbase-advanced\//, () => Coinbase.make()],
  [/^kraken-v2\//, () => Kraken.make()],
  [/^hyperliquid\//, () => Hyperliquid.make()]
]

const mutations: Readonly<
  Record<string, (lines: ReadonlyArray<Line>, at: number, cut: number) => ReadonlyArray<Line>>
> = {
  dropped: (lines, at) => lines.toSpliced(at, 1),
  doubled: (lines, at) => lines.toSpliced(at, 0, lines[at]!),
  swapped: (lines, at) => (at + 1 < lines.length ? lines.toSpliced(at, 2, lines[at + 1]!, lines[at]!) : lines),
  cut: (lines, at, cut) => lines.with(at, { ...lines[at]!, data: lines[at]!.data.slice(0, cut) })
}

const seed = Number(process.env["KHARBRANTH_SEED"] ?? 20261128)
const say = (text: string): void => void process.stdout.write(`${text}\n`)

if (!present) {
  say(`NO CAPTURES: nothing was replayed, since ${folder} has no EXPECTED.json. Set KHARBRANTH_CAPTURES.`)
  it("says that there are no captures", () => assert.isFalse(present))
} else {
  const expected = json("EXPECTED.json") as Readonly<Record<string, Oracles>>
  const manifest = json("MANIFEST.json") as { readonly files: ReadonlyArray<{ readonly file: string }> }
  describe(`captures (seed ${seed})`, () => {
    for (const { file } of manifest.files) {
      const make = adapters.find(([pattern]) => pattern.test(file))?.[1]
      if (make === undefined || !file.includes(".ndjson"))
        say(`${file}: ${make === undefined ? "no adapter" : "no session"}`)
      else it(file, () => check(file, make, wantedOf(file, expected[file] ?? {})), 120_000)
    }
  })
}

/** No part of any frame makes a function throw. */
const total = (venue: Venue, lines: ReadonlyArray<Line>): number => {
  let cuts = 0
  for (const { data, t } of lines) {
    if (t !== "recv" && t !== "shape") continue
    const step = Math.max(37, Math.ceil(data.length / 200))
    for (let end = 0; end <= data.length; end += step) {
      const part = data.slice(0, end)
      venue.classify(part, venue.wire())
      for (const topic of [Topic.book("A"), Topic.trades("A"), Topic.ticker("A")]) venue.decode(part, topic, 0)
      cuts++
    }
  }
  return cuts
}

const check = (file: string, make: (symbol: string) => Venue, wanted: ReadonlyArray<Wanted>): void => {
  const lines = read(file)
  const bytes = lines.reduce((sum, line) => sum + line.data.length, 0)
  const cuts = total(make(""), bytes > 2e6 ? lines.filter((line) => line.data.length < 1e5).slice(0, 200) : lines)
  const groups = new Map<string, Array<Wanted>>()
  for (const one of wanted) {
    const key = make(one.symbol).key(Topic.book(""))
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  let cases = 0
  let believed = 0
  let sums = 0
  for (const group of groups.values()) {
    const symbols = group.map(({ symbol }) => symbol)
    const venue = make(symbols[0] ?? "")
    const truth = new Map<string, string | undefined>()
    // A state goes by its sequence number, else by the frame that made it.
    const state = (symbol: string, { at, book }: Watched): string => `${symbol} ${book.sequence ?? `frame ${at}`}`
    // With snapshots first, the state of every number is seen, that of the snapshot included.
    const snapshotsFirst = [...lines.filter(({ t }) => t === "http"), ...lines.filter(({ t }) => t !== "http")]
    replay(venue, symbols, snapshotsFirst, (symbol, watched) => {
      truth.set(state(symbol, watched), said(watched.book, 50))
    })
    const books = replay(venue, symbols, lines)
    for (const one of group) {
      const { checksums, symbol } = one
      const book = books.get(symbol)!.book
      assert.strictEqual(book.status._tag, "Synced", `${symbol}: ${JSON.stringify(book.status)}`)
      assert.strictEqual(book.counts.gaps, 0, symbol)
      const levels = Option.getOrThrow(Book.depth(book, 10))
      assert.deepStrictEqual(sidesOf(levels), topOf(one), symbol)
      if (one.levels !== undefined) assert.deepStrictEqual(Object.values(Book.size(book)), [...one.levels], symbol)
      if (checksums !== undefined) {
        assert.strictEqual(book.counts.checksums - book.counts.checksumFailures, checksums, symbol)
        sums += checksums
      }
    }
    const keys = new Set(symbols.map((symbol) => venue.key(Topic.book(symbol))))
    const wire = venue.wire()
    const candidates = lines.flatMap((line, at) => {
      const kind = line.t === "recv" ? venue.classify(line.data, wire) : undefined
      return kind?._tag === "Data" && kind.keys.some((key) => keys.has(key)) ? [at] : []
    })
    const next = random(seed)
    const rounds = bytes > 5e6 ? 3 : bytes > 4e5 ? 15 : 40
    for (const [name, mutate] of Object.entries(mutations)) {
      for (let round = 0; round < Math.min(rounds, candidates.length); round++) {
        const at = candidates[Math.floor(next() * candidates.length)] ?? 0
        const cut = 37 * Math.floor(next() * Math.ceil((lines[at]?.data.length ?? 0) / 37))
        const where = `${name} at ${at}, cut ${cut}, seed ${seed}`
        replay(venue, symbols, mutate(lines, at, cut), (symbol, watched) => {
          const now = said(watched.book, 50)
          if (now === undefined) return
          believed++
          if (now !== truth.get(state(symbol, watched)))
            assert.fail(`${file}: ${symbol} believes a wrong book, ${where}`)
        })
        cases++
      }
    }
  }
  say(
    `${file}: ${lines.length} lines, ${wanted.length} books exact, ${sums} checksums, ${cases} mutations (${believed} states checked), ${cuts} cuts`
  )
}
