/** Runs a range of seeds, judges each history, and says how to replay the first one that breaks a promise. */
import * as Checker from "./check.ts"
import { planOf } from "./plan.ts"
import { simulate } from "./simulate.ts"

const explain = (seed: number, wrong: ReadonlyArray<string>): string =>
  [
    `SEED=${seed} npx vitest run --config vitest.workspace.ts packages/cluster/test/simulation/simulation.test.ts`,
    ...wrong.slice(0, 8),
    "the incidents were:",
    ...planOf(seed).incidents.map((incident) => `  ${JSON.stringify(incident)}`)
  ].join("\n")

/** What occurred in a history that breaks no promise. */
const live = async (seed: number): Promise<Tally> => {
  const { record } = await simulate(seed).catch((error) => {
    throw new Error(explain(seed, [`  it did not come to its end: ${error}`]), { cause: error })
  })
  const violations = Checker.check(record).map(({ detail, rule }) => `  broken: ${rule}: ${detail}`)
  if (violations.length > 0) throw new Error(explain(seed, violations))
  return record.counts
}

/** What occurred in them all, by name. */
export type Tally = ReadonlyMap<string, number>

/** Simulates the seeds `from` to `to` (exclusive); throws at the first broken promise. */
export const run = async (from: number, to: number): Promise<Tally> => {
  const tally = new Map<string, number>()
  for (let seed = from; seed < to; seed++) {
    for (const [what, times] of await live(seed)) tally.set(what, (tally.get(what) ?? 0) + times)
  }
  return tally
}

/** The first of these seeds in which a promise of these is broken. */
export const hunt = async (rules: ReadonlyArray<string>, seeds: number): Promise<number | undefined> => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { record } = await simulate(seed)
    if (Checker.check(record).some(({ rule }) => rules.includes(rule))) return seed
  }
  return undefined
}

/** What every campaign must have seen, or it proves little. */
const expected = [
  "kill",
  "pause",
  "sleep",
  "cutStore",
  "cutServer",
  "slowStore",
  "fadeStore",
  "leave",
  "join",
  "deploy",
  "leaveDown",
  "notNow",
  "closedNotNow",
  "outage",
  "silence",
  "held",
  "probed",
  "BreakerOpened",
  "BreakerClosed",
  "Overlapping",
  "handed over",
  "watched Gap",
  "watched Message",
  "OutboxParked",
  "OutboxTaken",
  "Gap OwnerLost",
  "sent Written",
  "sent Unknown"
]

export const absent = (tally: Tally): ReadonlyArray<string> => expected.filter((what) => !tally.has(what))

export const print = (tally: Tally): string =>
  [...tally]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([what, times]) => `${String(times).padStart(8)} ${what}`)
    .join("\n")
