/**
 * The waits of the two reconnect presets: a plan of longest waits, and the
 * schedule that draws from it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

/** The longest waits of an outage in milliseconds; the last one repeats. */
export interface Plan {
  readonly first: number
  readonly later: readonly [number, ...Array<number>]
}

export const polite: Plan = { first: 3_000, later: [6_000, 12_000, 14_000] }
export const prompt: Plan = { first: 250, later: [1_000, 2_000, 4_000, 8_000, 10_000] }

/**
 * The wait before retry number `attempt` (1 is the first). The first one may be
 * as short as nothing. Of each later one half is certain and half is chance:
 * the spread survives the cap, and a server that accepts and then closes is
 * never dialed in a tight loop.
 */
export const waitOf = (plan: Plan, attempt: number, chance: number): number => {
  if (attempt === 1) return plan.first * chance
  const half = plan.later[Math.min(attempt - 2, plan.later.length - 1)]! / 2
  return half + half * chance
}

const spread = (plan: Plan): Schedule.Schedule<number> =>
  Schedule.modifyDelay(Schedule.forever, ({ attempt }) =>
    Effect.map(Random.next, (chance) => Duration.millis(waitOf(plan, attempt, chance)))
  )

export const politeWaits = /* @__PURE__ */ spread(polite)
export const promptWaits = /* @__PURE__ */ spread(prompt)
