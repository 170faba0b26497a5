/**
 * Puts heartbeat values together: defaults, cadences, and durations that are
 * checked when a connection is made instead of throwing here.
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type { CanPing, Heartbeat, Probe, ProbeOptions, WatchOptions } from "../../Heartbeat.ts"
import * as Check from "../model/check.ts"

const defaultEvery = Duration.seconds(20)

const cadence = (every: ProbeOptions["every"]): Pick<Heartbeat, "every" | "keepalive"> =>
  Schedule.isSchedule(every)
    ? { every: undefined, keepalive: every }
    : { every: Check.durationOr(every, defaultEvery), keepalive: undefined }

const detector = (input: Duration.Input | undefined): Duration.Duration | undefined => {
  const timeout = Check.durationOr(input, "10 seconds")
  return timeout.value._tag === "Infinity" ? undefined : timeout
}

type With<P extends Probe> = Heartbeat & { readonly probe: P }

export const watching = <P extends Probe>(probe: P, options: WatchOptions): With<P> => ({
  probe,
  keepalive: undefined,
  every: undefined,
  timeout: undefined,
  maxMissed: 1,
  idle: Check.optionalDuration(options.idle),
  onlyWhenIdle: false,
  data: options.data && { within: Check.duration(options.data.within) }
})

export const probing = <P extends Probe>(probe: P, options: ProbeOptions): With<P> => ({
  ...watching(probe, options),
  ...cadence(options.every),
  timeout: detector(options.timeout),
  maxMissed: options.maxMissed ?? 1,
  onlyWhenIdle: options.onlyWhenIdle ?? false
})

export const check = (
  { data, every, idle, maxMissed, probe, timeout }: Heartbeat,
  capabilities: CanPing,
  connection: string
): Check.Check =>
  Check.firstOf([
    "check" in probe ? probe.check(capabilities, connection) : undefined,
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
