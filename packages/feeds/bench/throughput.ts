/**
 * Frames a CPU second over one recorded session of Bybit: classified only, parsed
 * only, decoded, and applied to a book. Give the recording's path.
 */
import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import * as Result from "effect/Result"
import * as Book from "../src/Book.ts"
import * as Topic from "../src/Topic.ts"
import * as Bybit from "../src/venues/Bybit.ts"

const path = process.argv[2] ?? ""
const bytes = readFileSync(path)
const frames = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes)
  .toString("utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as { readonly t: string; readonly data: string })
  .filter(({ data, t }) => t === "recv" && data.includes('"orderbook.200.BTCUSDT"'))
  .map(({ data }) => data)

const venue = Bybit.make()
const topic = Topic.book("BTCUSDT")

const measure = (name: string, run: () => void): void => {
  for (let warm = 0; warm < 20; warm++) run()
  const before = process.cpuUsage()
  const rounds = 100
  for (let round = 0; round < rounds; round++) run()
  const { system, user } = process.cpuUsage(before)
  const rate = Math.round((frames.length * rounds * 1e6) / (user + system))
  process.stdout.write(`${name}: ${rate} frames a CPU second\n`)
}

measure("classify", () => {
  const wire = venue.wire()
  for (const frame of frames) venue.classify(frame, wire)
})
measure("JSON.parse", () => {
  for (const frame of frames) JSON.parse(frame)
})
measure("decode", () => {
  for (const frame of frames) venue.decode(frame, topic, 0)
})
const updates = frames.flatMap((frame) => Result.getOrThrow(venue.decode(frame, topic, 0)))
measure("book", () => {
  const book = Book.make(venue.continuity)
  for (const update of updates) if (update._tag === "BookUpdate") Book.apply(book, update)
})
