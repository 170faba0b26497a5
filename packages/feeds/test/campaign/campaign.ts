/**
 * The days that are lived: forced ends after 24 hours, notices, stalls, dead
 * sockets, cuts, spoiled updates and bursts, drawn from the seed, and what must
 * hold after each.
 */
import type * as VenueFault from "../../src/simulator/VenueFault.ts"
import * as Day from "./day.ts"

/** More than the age at which venues end a connection. */
const hours = 25

const { hour, minute } = Day

/** How often what goes wrong, at every venue. */
const storm: VenueFault.Script = [
  { fault: { _tag: "Cut" }, every: 3 * hour, share: 0.01 },
  { fault: { _tag: "Cut", code: 1012 }, every: 8 * hour },
  { fault: { _tag: "Stall", millis: 4 * minute }, every: 5 * hour, share: 0.5 },
  { fault: { _tag: "HalfOpen" }, every: 6 * hour, share: 0.5 },
  { fault: { _tag: "Notice" }, every: 7 * hour },
  { fault: { _tag: "Gap" }, every: 20 * minute, channel: "book" },
  { fault: { _tag: "Duplicate" }, every: 30 * minute, channel: "book" },
  { fault: { _tag: "Swap" }, every: 40 * minute, channel: "book" },
  { fault: { _tag: "WrongChecksum" }, every: 2 * hour },
  { fault: { _tag: "RejectRequests", status: 429, millis: 2 * minute, retryAfter: 60 }, every: 6 * hour },
  { fault: { _tag: "Maintenance", millis: 3 * minute }, every: 12 * hour }
]

/** Symbols of each of the five venues. Every tenth seed has two hundred together; `DAY_SYMBOLS` gives all so many. */
const symbolsOf = (seed: number): number => Number(process.env["DAY_SYMBOLS"] ?? (seed % 10 === 1 ? 40 : 8))

export const stormy = (seed: number): Day.Plan => ({ seed, hours, symbols: symbolsOf(seed), faults: () => storm })

/** Planned rotations and nothing else. */
export const calm = (seed: number): Day.Plan => ({
  seed,
  hours,
  symbols: 20,
  faults: () => [{ fault: { _tag: "Notice" }, every: 4 * hour }]
})

/** What must not be, in words. */
export const broken = (day: Day.Day): ReadonlyArray<string> => [
  ...day.wrong.map((one) => `a wrong book was believed: ${one}`),
  ...day.late.map((one) => `a stall was not noticed: ${one}`),
  ...day.violations.map((one) => `a rule of the venue was broken: ${one}`),
  ...(day.unmarked === 0 ? [] : [`${day.unmarked} trades are missing where no marker stands`]),
  ...(day.bans === 0 ? [] : [`${day.bans} bans`]),
  ...(day.right > 20 * day.unsure ? [] : [`books were right ${day.right} times and unsure ${day.unsure} times`]),
  ...(day.heap[1] < 1.5 * day.heap[0] ? [] : [`the heap grew from ${day.heap[0]} to ${day.heap[1]} bytes`])
]

const failure = (day: Day.Day, complaints: ReadonlyArray<string>): string =>
  [
    `SEED=${day.seed} npx vitest run --config vitest.workspace.ts --mode slow packages/feeds/test/campaign`,
    ...complaints.slice(0, 8),
    `and ${Math.max(0, complaints.length - 8)} more`
  ].join("\n")

export const summary = (day: Day.Day): string =>
  `seed ${day.seed}: ${day.right} books right, ${day.unsure} unsure, ${day.wrong.length} wrong, ${day.late.length} late, ` +
  `${day.trades} trades, ${day.marked} missing and marked, ${day.unmarked} not, ${day.violations.length} violations, ` +
  `${day.bans} bans, ${day.dials} dials, ${day.injected} faults, ${day.frames} frames, ` +
  `heap ${day.heap.map((bytes) => Math.round(bytes / 2 ** 20)).join(" to ")} MiB`

/** Lives the days of these seeds; throws at the first that breaks something. */
export const run = async (seeds: ReadonlyArray<number>, plan: (seed: number) => Day.Plan): Promise<void> => {
  for (const seed of seeds) {
    const day = await Day.live(plan(seed))
    console.log(summary(day))
    const complaints = broken(day)
    if (complaints.length > 0) throw new Error(failure(day, complaints))
  }
}

/** Two workers share the seeds. */
export const seedsOf = (half: 0 | 1): ReadonlyArray<number> => {
  const only = process.env["SEED"]
  if (only !== undefined) return half === 0 ? [Number(only)] : []
  return Array.from({ length: 10 }, (_, index) => 10 * half + index + 1)
}
