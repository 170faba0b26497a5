/** A history's incidents, drawn from its seed: what happens to which process, when, and for how long. */
import { type Random, randomOf } from "../support/random.ts"

export type Trouble =
  | "kill"
  | "pause"
  | "sleep"
  | "cutStore"
  | "cutServer"
  | "slowStore"
  | "fadeStore"
  | "leave"
  | "join"
  | "deploy"
  | "leaveDown"
  | "notNow"
  | "closedNotNow"
  | "outage"
  | "silence"

export interface Incident {
  readonly at: number
  readonly trouble: Trouble
  /** Which of the processes that live then. */
  readonly whom: number
  readonly duration: number
}

export interface Plan {
  readonly seed: number
  readonly incidents: ReadonlyArray<Incident>
  /** Clock rates of the first processes. */
  readonly rates: ReadonlyArray<number>
  /** How long the fleet has to recover after the last trouble. */
  readonly calm: number
  /** What processes hear of the store at once. */
  readonly notices: "all" | "some" | "none"
  readonly lease: { readonly ttl: number; readonly margin: number; readonly settle: number }
}

/** How long trouble goes on, in virtual milliseconds. */
export const stormy = 12_000

const calm = 9_000
/**
 * How much longer a fleet waits for a server that refused: the longest hold after an outage of this length, and a dial
 * that tried for all and died with its process.
 */
const calmAfterRefusals = calm + 8_000 + 12_100

/** What the server does to all processes. */
const refusals: ReadonlyArray<Trouble> = ["notNow", "closedNotNow", "outage", "silence"]

const troubles: ReadonlyArray<Trouble> = [
  "kill",
  "kill",
  "pause",
  "pause",
  "sleep",
  "cutStore",
  "cutStore",
  "cutServer",
  "slowStore",
  "fadeStore",
  "fadeStore",
  "leave",
  "join",
  "deploy",
  "leaveDown"
]

/** As often as any of them in a history in which the server refuses. */
const refusing = [...troubles, ...refusals, ...refusals, ...refusals]

const incidentOf = (random: Random, from: ReadonlyArray<Trouble>): Incident => ({
  at: 2_000 + random.below(stormy - 4_000),
  trouble: random.pick(from),
  whom: random.below(1_000),
  // Around the ttl, where it matters.
  duration: 200 + random.below(4_500)
})

export const planOf = (seed: number): Plan => {
  const random = randomOf(seed)
  const lease = { ttl: 2_000, margin: 200, settle: random.pick([0, 300, 800]) }
  // Clocks may differ by less than margin / ttl.
  const rates = Array.from({ length: 3 }, () => 1 + (random() - 0.5) * 0.08)
  // In some histories only: recovering from refusals takes three times as long to simulate.
  const from = random() < 0.3 ? refusing : troubles
  const incidents = Array.from({ length: 3 + random.below(5) }, () => incidentOf(random, from))
  return {
    seed,
    notices: random.pick(["all", "some", "some", "none"] as const),
    lease,
    rates,
    calm: incidents.some(({ trouble }) => refusals.includes(trouble)) ? calmAfterRefusals : calm,
    incidents: incidents.toSorted((a, b) => a.at - b.at)
  }
}
