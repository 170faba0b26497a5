/**
 * Runs a range of seeds, judges each history, and says how to replay the first
 * one that breaks a promise.
 */
import * as Checker from "./checker.ts"
import { type Sabotage, simulate, type Simulation } from "./simulate.ts"
import * as Tally from "./tally.ts"

/** The one line that replays a seed, its faults, and what was broken. */
export const explain = ({ plan }: Simulation, violations: ReadonlyArray<Checker.Violation>): string =>
  [
    `SEED=${plan.seed} npx vitest run --config vitest.workspace.ts packages/kharbranth/test/simulation/simulation.test.ts`,
    ...violations.slice(0, 8).map(({ detail, rule }) => `  broken: ${rule}: ${detail}`),
    `  and ${Math.max(0, violations.length - 8)} more; the faults were:`,
    ...plan.incidents.map(({ at, duration, fault }) => `  ${at} ms, for ${duration} ms: ${JSON.stringify(fault)}`)
  ].join("\n")

/** Simulates the seeds `from` to `to` (exclusive); throws at the first broken promise. */
export const run = async (from: number, to: number): Promise<Tally.Tally> => {
  const tally: Tally.Tally = new Map()
  for (let seed = from; seed < to; seed++) {
    const simulation = await simulate(seed)
    const violations = Checker.check(simulation.history)
    if (violations.length > 0) throw new Error(explain(simulation, violations))
    Tally.add(tally, simulation)
  }
  return tally
}

/** The first of these seeds in which this promise is broken. */
export const hunt = async (rule: string, sabotage: Sabotage, seeds: number): Promise<number | undefined> => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { history } = await simulate(seed, sabotage)
    if (Checker.check(history).some((violation) => violation.rule === rule)) return seed
  }
  return undefined
}
