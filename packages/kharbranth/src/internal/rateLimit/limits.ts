/**
 * What a connection asks of its rate limits. A limit has its own meters and
 * its own check, so that a connection without one does not pull them in.
 */
import type { InvalidOptions } from "../../ConnectionError.ts"
import type { Meter, RateLimit } from "../../RateLimit.ts"
import * as Check from "../model/check.ts"

export type Limits = RateLimit | ReadonlyArray<RateLimit>

export const listOf = (limits: Limits): ReadonlyArray<RateLimit> => ("reserve" in limits ? [limits] : limits)

/** The meters of one connection, one for each session; `undefined` without a limit. */
export const metersOf = (limits: Limits | undefined): (() => Meter) | undefined => {
  const list = limits === undefined ? [] : listOf(limits)
  return list[0]?.meters(list)
}

export const check = (limits: Limits, connection: string): InvalidOptions | undefined =>
  "reserve" in limits
    ? limits.check(connection, ["rateLimit"])
    : Check.firstOf(limits.map((limit, index) => limit.check(connection, ["rateLimit", index])))
