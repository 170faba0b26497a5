/**
 * Recorded sessions as frames with the venue's adapter and the topic that each
 * belongs to. The recordings stand outside the repository; `KHARBRANTH_CAPTURES`
 * names their folder.
 */
import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { gunzipSync } from "node:zlib"
import * as Topic from "@kharbranth/feeds/Topic"
import type { Venue } from "@kharbranth/feeds/Venue"
import * as BinanceSpot from "@kharbranth/feeds/venues/BinanceSpot"
import * as BinanceUsdm from "@kharbranth/feeds/venues/BinanceUsdm"
import * as Bitfinex from "@kharbranth/feeds/venues/Bitfinex"
import * as Bitget from "@kharbranth/feeds/venues/Bitget"
import * as Bybit from "@kharbranth/feeds/venues/Bybit"
import * as Coinbase from "@kharbranth/feeds/venues/Coinbase"
import * as Deribit from "@kharbranth/feeds/venues/Deribit"
import * as Gate from "@kharbranth/feeds/venues/Gate"
import * as Kraken from "@kharbranth/feeds/venues/Kraken"
import * as Kucoin from "@kharbranth/feeds/venues/Kucoin"
import * as Okx from "@kharbranth/feeds/venues/Okx"

const root = resolve(import.meta.dirname, "../../../..")
export const folder = resolve(root, process.env["KHARBRANTH_CAPTURES"] ?? "../shared/captures")
export const present: boolean = existsSync(resolve(folder, "MANIFEST.json"))

const sessions: ReadonlyArray<readonly [file: string, venue: () => Venue]> = [
  ["binance-spot/session.ndjson", () => BinanceSpot.make()],
  ["binance-usdm/session.ndjson.gz", () => BinanceUsdm.make()],
  ["bybit-v5/linear-btc-eth.ndjson.gz", () => Bybit.make({ category: "linear" })],
  ["bybit-v5/spot-btc.ndjson", () => Bybit.make()],
  ["okx-v5/books-checksums-2022.ndjson", () => Okx.make({ proof: "checksum" })],
  ["bitget/books-checksums.ndjson.gz", () => Bitget.make({ instType: "sp", proof: "checksum" })],
  ["kucoin/session.ndjson.gz", () => Kucoin.make()],
  ["gate-v4/spot-session.ndjson", () => Gate.make()],
  ["gate-v4/futures-session.ndjson", () => Gate.make({ market: "futures" })],
  ["deribit/session.ndjson", () => Deribit.make({ interval: "raw" })],
  ["bitfinex/session.ndjson", () => Bitfinex.make()],
  ["coinbase-advanced/session.ndjson.gz", () => Coinbase.make()],
  ["kraken-v2/book10-btc.ndjson", () => Kraken.make()]
]

export interface Frame {
  readonly raw: string
  readonly conn: string
  /** The topics that it has data of, among those that the adapter knows. */
  readonly topics: ReadonlyArray<Topic.Topic>
}

/** An answer to a request for a snapshot of a book. */
export interface Answer {
  readonly symbol: string
  readonly body: string
}

export interface Session {
  readonly file: string
  readonly venue: Venue
  readonly frames: ReadonlyArray<Frame>
  readonly answers: ReadonlyArray<Answer>
  readonly topics: ReadonlyMap<string, Topic.Topic>
}

interface Line {
  readonly t: string
  readonly ts: number
  readonly conn: string
  readonly url?: string
  readonly data: unknown
}

const lines = (file: string): ReadonlyArray<Line> => {
  const bytes = readFileSync(resolve(folder, file))
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8")
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line)
    .toSorted((a, b) => a.ts - b.ts)
}

/** The topic that a venue gives this key: its symbol is a part of the key. */
const topicOf = (venue: Venue, key: string): Topic.Topic | undefined => {
  const parts = key.split(/[:@.]/)
  return [...parts, ...parts.map((part) => part.toUpperCase())]
    .flatMap((symbol) => [Topic.book(symbol), Topic.trades(symbol), Topic.ticker(symbol)])
    .find((topic) => venue.key(topic) === key)
}

const text = (data: unknown): string => (typeof data === "string" ? data : JSON.stringify(data ?? ""))

const load = (file: string, venue: Venue): Session => {
  const all = lines(file)
  const wires = new Map<string, ReturnType<Venue["wire"]>>()
  const topics = new Map<string, Topic.Topic>()
  const frames = all
    .filter(({ t }) => t === "recv")
    .map(({ conn, data }) => {
      // A flat copy, as a socket would give it.
      const raw = Buffer.from(text(data)).toString()
      const wire = wires.get(conn) ?? venue.wire()
      wires.set(conn, wire)
      const kind = venue.classify(raw, wire)
      const keys = kind._tag === "Data" ? kind.keys : []
      for (const key of keys) {
        const topic = topics.get(key) ?? topicOf(venue, key)
        if (topic !== undefined) topics.set(key, topic)
      }
      return { raw, conn, topics: keys.flatMap((key) => topics.get(key) ?? []) }
    })
  const answers = all.flatMap(({ data, t, url = "" }) => {
    const symbol = /[?&](?:symbol|currency_pair|contract)=([^&]+)/.exec(url)?.[1]
    return t === "http" && symbol !== undefined ? [{ symbol, body: text(data) }] : []
  })
  return { file, venue, frames, answers, topics }
}

export const all = (only?: ReadonlyArray<string>): ReadonlyArray<Session> =>
  sessions.filter(([file]) => only?.includes(file) ?? true).map(([file, venue]) => load(file, venue()))
