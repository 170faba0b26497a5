/** Several rate limits as one. */
import { type Limits, listOf } from "./limits.ts"
import { combine, type Meter } from "./meter.ts"

export const meter = (limits: Limits): Meter => combine(listOf(limits).map((limit) => limit.meter()))

export const meters = (limits: Limits): (() => Meter) => {
  const makers = listOf(limits).map((limit) => {
    if (limit.scope === "session") return () => limit.meter()
    const lasting = limit.meter()
    return () => lasting
  })
  return () => combine(makers.map((make) => make()))
}
