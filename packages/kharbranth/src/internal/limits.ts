/**
 * Several rate limits as one. A limit brings its own meter and its own check, so
 * that a connection without one does not pull them in.
 */
import type { InvalidOptions } from "../ConnectionError.ts"
import type { RateLimit } from "../RateLimit.ts"
import { combine, type Meter } from "./meter.ts"
import * as Check from "./options.ts"

type Limits = RateLimit | ReadonlyArray<RateLimit>

const list = (limits: Limits): ReadonlyArray<RateLimit> => ("reserve" in limits ? [limits] : limits)

export const meter = (limits: Limits): Meter => combine(list(limits).map((limit) => limit.meter()))

export const meters = (limits: Limits): (() => Meter) => {
  const makers = list(limits).map((limit) => {
    if (limit.scope === "session") return () => limit.meter()
    const lasting = limit.meter()
    return () => lasting
  })
  return () => combine(makers.map((make) => make()))
}

export const check = (limits: Limits, connection: string): InvalidOptions | undefined =>
  "reserve" in limits
    ? limits.check(connection, ["rateLimit"])
    : Check.firstOf(limits.map((limit, index) => limit.check(connection, ["rateLimit", index])))
