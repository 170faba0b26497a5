/**
 * The waits of reconnects: a longest wait for each retry, and a schedule that
 * draws from it. Two presets list theirs; an exponential backoff computes it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Check from "../model/check.ts"

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

/** A schedule whose waits depend on the number of the retry and on chance in [0, 1). */
const drawn = (wait: (attempt: number, chance: number) => number): Schedule.Schedule<number> =>
  Schedule.modifyDelay(Schedule.forever, ({ attempt }) =>
    Effect.map(Random.next, (chance) => Duration.millis(wait(attempt, chance)))
  )

const planned = (plan: Plan) => drawn((attempt, chance) => waitOf(plan, attempt, chance))

export const politeWaits = /* @__PURE__ */ planned(polite)
export const promptWaits = /* @__PURE__ */ planned(prompt)

/** The numbers of an exponential backoff, in milliseconds. */
export interface Exponential {
  readonly base: number
  readonly factor: number
  readonly cap: number
  readonly jitter: number
}

/** The share `jitter` of each wait is chance; the rest is certain. */
const exponentialWaitOf = ({ base, cap, factor, jitter }: Exponential, attempt: number, chance: number) => {
  const longest = Math.min(cap, base * factor ** (attempt - 1))
  return longest * (1 - jitter + jitter * chance)
}

export const exponentialWaits = (numbers: Exponential): Schedule.Schedule<number> =>
  drawn((attempt, chance) => exponentialWaitOf(numbers, attempt, chance))

export const checkExponential = ({ base, cap, factor, jitter }: Exponential, connection: string): Check.Check => {
  const wrong = (name: string, issue: string) => Check.invalid(connection, ["reconnect", name], issue)
  if (!(base > 0 && base < Infinity))
    return wrong("base", 'expected a finite duration longer than zero, such as "1 second"')
  if (!(cap >= base && cap < Infinity)) return wrong("cap", "expected a finite duration, at least as long as `base`")
  if (!(factor >= 1 && factor < Infinity)) return wrong("factor", "expected a number of at least 1")
  return jitter >= 0 && jitter <= 1
    ? undefined
    : wrong("jitter", "expected a number from 0 (no chance) to 1 (all chance)")
}
