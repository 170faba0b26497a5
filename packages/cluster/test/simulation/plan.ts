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
  readonly lease: { readonly ttl: number; readonly margin: number; readonly settle: number }
}

/** How long trouble goes on, and how long the fleet has to recover, in virtual milliseconds. */
export const stormy = 12_000
export const calm = 9_000

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

const incidentOf = (random: Random): Incident => ({
  at: 2_000 + random.below(stormy - 4_000),
  trouble: random.pick(troubles),
  whom: random.below(1_000),
  // Around the ttl, where it matters.
  duration: 200 + random.below(4_500)
})

export const planOf = (seed: number): Plan => {
  const random = randomOf(seed)
  const lease = { ttl: 2_000, margin: 200, settle: random.pick([0, 300, 800]) }
  // Clocks may differ by less than margin / ttl.
  const rates = Array.from({ length: 3 }, () => 1 + (random() - 0.5) * 0.08)
  const incidents = Array.from({ length: 3 + random.below(5) }, () => incidentOf(random))
  return { seed, lease, rates, incidents: incidents.toSorted((a, b) => a.at - b.at) }
}
