/**
 * Half a minute of faults for each venue, drawn from a seed. Both clients meet
 * the same ones.
 */
import type * as VenueFault from "@kharbranth/feeds/simulator/VenueFault"
import { mulberry32 } from "../../packages/kharbranth/test/support/random.ts"
import type { VenueId } from "./wire.ts"

/** How long faults are injected, in milliseconds. */
export const lasts = 30_000

const between = (random: () => number, from: number, to: number): number => Math.round(from + random() * (to - from))

/** What every venue does: loses, doubles and swaps updates, cuts some connections, stalls one. */
const common = (random: () => number, start: number): VenueFault.Script => {
  const at = (from: number, to: number) => [start + between(random, from, to)]
  return [
    { fault: { _tag: "Gap" }, at: [...at(2000, 6000), ...at(10_000, 16_000), ...at(20_000, 28_000)], channel: "book" },
    { fault: { _tag: "Duplicate" }, at: [...at(4000, 9000), ...at(18_000, 26_000)], channel: "book" },
    { fault: { _tag: "Swap" }, at: [...at(7000, 12_000)], channel: "book" },
    { fault: { _tag: "Cut" }, at: [...at(5000, 8000), ...at(16_000, 20_000)], share: 0.5 },
    { fault: { _tag: "Cut", code: 1012 }, at: [...at(22_000, 27_000)] }
  ]
}

/** What one venue does alone. `start` is when the faults begin, in milliseconds after the venue's start. */
const own: Record<VenueId, (random: () => number, start: number) => VenueFault.Script> = {
  "binance-spot": (random, start) => [
    {
      fault: { _tag: "RejectRequests", status: 429, millis: 2000, retryAfter: 2 },
      at: [start + between(random, 5000, 8000)]
    }
  ],
  "bybit": (random, start) => [
    { fault: { _tag: "HalfOpen" }, at: [start + between(random, 9000, 12_000)], share: 0.3 }
  ],
  "okx": (random, start) => [
    { fault: { _tag: "Stall", millis: 6000 }, at: [start + between(random, 10_000, 13_000)], share: 0.3 }
  ],
  "coinbase": (random, start) => [
    { fault: { _tag: "Maintenance", millis: 3000 }, at: [start + between(random, 12_000, 15_000)] }
  ],
  "kraken": (random, start) => [
    {
      fault: { _tag: "WrongChecksum" },
      at: [start + between(random, 6000, 14_000), start + between(random, 18_000, 24_000)]
    },
    {
      fault: { _tag: "RejectDials", status: 429, millis: 2000, retryAfter: 2 },
      at: [start + between(random, 16_000, 18_000)]
    }
  ]
}

export const script = (seed: number, venue: VenueId, start: number): VenueFault.Script => {
  const random = mulberry32(seed + venue.length * 7919 + venue.charCodeAt(0))
  return [...common(random, start), ...own[venue](random, start)]
}
