/**
 * A hundred thousand names, which no one machine opens for real: simulated, and held
 * against the line through what was measured at a thousand and at ten thousand.
 */
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { busiest } from "../test/rig/figures.ts"
import { budget } from "../test/rig/many.ts"
import { type Outcome, outcome } from "../test/rig/scenarios.ts"
import type { Simulated } from "./simulate.ts"

const names = 100_000
/** How far a simulation may be from what was measured, or from the line through it. */
const near = 1.5
/** What happens while nothing does depends on no machine. */
const same = 1.1

const simulate = (count: number, perDial: number): Simulated => {
  const program = fileURLToPath(new URL("simulate.ts", import.meta.url))
  // Sixty KiB a name; the sockets of both sides are in it.
  const args = [
    "--disable-warning=ExperimentalWarning",
    "--max-old-space-size=12000",
    program,
    String(count),
    String(perDial)
  ]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 26 })) as Simulated
}

const isWithin = (times: number, one: number, other: number): boolean => Math.max(one / other, other / one) <= times

/** Two points that were measured, by how many names. */
interface Points {
  readonly few: Outcome
  readonly many: Outcome
}

const of = ({ figures }: Outcome, key: string): number => figures[key] ?? Number.NaN

/** Where the line through both points is at so many names. */
const lineAt = ({ few, many }: Points, key: string): number => {
  const slope = (of(many, key) - of(few, key)) / (of(many, "names") - of(few, "names"))
  return of(many, key) + slope * (names - of(many, "names"))
}

export const extrapolated = (points: Points): Outcome => {
  // The machine opens so fast where no limit holds it back.
  const perDial = of(points.few, "opened by four") / of(points.few, "names")
  const many = simulate(of(points.many, "names"), perDial)
  const most = simulate(names, perDial)
  const expected = lineAt(points, "opened by four")
  const inWindow = busiest(most.dials, budget.window)
  const idle = of(points.many, "idle: the fleet's statements in 100 s") / 100
  return outcome(
    {
      names,
      "opened": most.took,
      "by the line of what was measured": expected,
      "statements while they open (number)": most.openingStatements,
      "idle: the fleet's statements in 100 s": most.idlePerSecond * 100,
      "10,000 names, simulated: opened": many.took,
      "10,000 names, simulated: statements while they open (number)": many.openingStatements
    },
    {
      "each name was dialed once": most.dials.length === names,
      "no window had more dials than the limit": [inWindow, budget.limit],
      "no more statements while nothing happens than with ten thousand": isWithin(same, most.idlePerSecond, idle),
      "the simulated ten thousand are near those that were measured": isWithin(
        near,
        many.took,
        of(points.many, "opened by four")
      ),
      "they ask the store about as often": isWithin(
        near,
        many.openingStatements,
        of(points.many, "the fleet's statements while they open (number)")
      ),
      "the hundred thousand are near the line of what was measured": isWithin(near, most.took, expected)
    }
  )
}
