/**
 * Puts heartbeat values together: defaults, cadences, and durations that are
 * checked later instead of throwing here.
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type { Heartbeat, Probe, ProbeOptions, WatchOptions } from "../Heartbeat.ts"
import * as Check from "./options.ts"

const defaultEvery = Duration.seconds(20)

const cadence = (every: ProbeOptions["every"]): Pick<Heartbeat, "every" | "keepalive"> =>
  Schedule.isSchedule(every)
    ? { every: undefined, keepalive: every }
    : { every: Check.durationOr(every, defaultEvery), keepalive: undefined }

const detector = (input: Duration.Input | undefined): Duration.Duration | undefined => {
  const timeout = Check.durationOr(input, "10 seconds")
  return Duration.isFinite(timeout) || Duration.isNegative(timeout) ? timeout : undefined
}

export const watching = (probe: Probe, options: WatchOptions): Heartbeat => ({
  probe,
  keepalive: undefined,
  every: undefined,
  timeout: undefined,
  maxMissed: 1,
  idle: Check.optionalDuration(options.idle),
  onlyWhenIdle: false,
  data: options.data === undefined ? undefined : { within: Check.duration(options.data.within) }
})

export const probing = (probe: Probe, options: ProbeOptions): Heartbeat => ({
  ...watching(probe, options),
  ...cadence(options.every),
  timeout: detector(options.timeout),
  maxMissed: options.maxMissed ?? 1,
  onlyWhenIdle: options.onlyWhenIdle ?? false
})
