/**
 * Puts heartbeat values together: defaults, cadences, and durations that are
 * checked when a connection is made instead of throwing here.
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type { CanPing, Heartbeat, ProbeOptions, WatchOptions } from "../../Heartbeat.ts"
import * as Check from "../model/check.ts"
import { everyInterval, intervalOf } from "./cadence.ts"
import { type Kind, kindOf, probeOf } from "./probes.ts"

const defaultEvery = Duration.seconds(20)

const cadence = (every: ProbeOptions["every"]): Schedule.Schedule<unknown> =>
  Schedule.isSchedule(every) ? every : everyInterval(Check.durationOr(every, defaultEvery))

const detector = (input: Duration.Input | undefined): Duration.Duration | undefined => {
  const timeout = Check.durationOr(input, "10 seconds")
  return timeout.value._tag === "Infinity" ? undefined : timeout
}

/** The public constructor `by` made it, from these options; without options there is nothing to check. */
export const watching = (by: string, kind: Kind, options: WatchOptions | undefined): Heartbeat => ({
  probe: probeOf(kind),
  cadence: undefined,
  timeout: undefined,
  maxMissed: 1,
  idle: Check.optionalDuration(options?.idle),
  onlyWhenIdle: false,
  data: options?.data && { within: Check.duration(options.data.within) },
  from: options && { by, options }
})

export const probing = (by: string, kind: Kind, options: ProbeOptions): Heartbeat => ({
  ...watching(by, kind, options),
  cadence: cadence(options.every),
  timeout: detector(options.timeout),
  maxMissed: options.maxMissed ?? 1,
  onlyWhenIdle: options.onlyWhenIdle ?? false
})

export const check = (heartbeat: Heartbeat, transport: CanPing, connection: string): Check.Check => {
  const { cadence, data, idle, maxMissed, probe, timeout } = heartbeat
  const every = cadence && intervalOf(cadence)
  return Check.firstOf([
    kindOf(probe).check?.(transport, connection),
    Check.positive(connection, ["heartbeat", "every"], every),
    Check.positive(connection, ["heartbeat", "timeout"], timeout),
    Check.wholeNumber(connection, ["heartbeat", "maxMissed"], maxMissed, 1),
    Check.positive(connection, ["heartbeat", "idle"], idle),
    Check.positive(connection, ["heartbeat", "data", "within"], data?.within),
    every !== undefined && idle !== undefined && Check.millis(idle) <= Check.millis(every)
      ? Check.invalid(
          connection,
          ["heartbeat", "idle"],
          "expected longer than `every`, or a quiet but healthy session dies"
        )
      : undefined
  ])
}
