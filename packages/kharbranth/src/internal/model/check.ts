/**
 * What every policy needs to check its options: durations that never throw,
 * and `InvalidOptions` that name the place and never the value.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { InvalidOptions } from "../../ConnectionError.ts"

/** Where an option is, as keys. */
export type Path = ReadonlyArray<string | number>

/** A check of one option: `undefined` when it is usable. */
export type Check = InvalidOptions | undefined

export const invalid = (connection: string, path: Path, issue: string): InvalidOptions =>
  new InvalidOptions({ connection, path, issue })

/**
 * A duration from whatever the user gave. Input that is no duration becomes
 * zero, which `positive` refuses: constructors of policies must not throw.
 */
export const duration = (input: Duration.Input): Duration.Duration =>
  Option.getOrElse(Duration.fromInput(input), () => Duration.zero)

export const durationOr = (input: Duration.Input | undefined, fallback: Duration.Input): Duration.Duration =>
  duration(input ?? fallback)

/** In milliseconds. Effect's own matching makes four closures each time, and a connection asks at every dial. */
export const millis = (duration: Duration.Duration): number =>
  duration.value._tag === "Millis" ? duration.value.millis : Duration.toMillis(duration)

/** An option in milliseconds. */
export const millisOr = (input: Duration.Input | undefined, fallback: Duration.Input): number =>
  millis(durationOr(input, fallback))

export const optionalDuration = (input: Duration.Input | undefined): Duration.Duration | undefined =>
  input === undefined ? undefined : duration(input)

export const positive = (connection: string, path: Path, input: Duration.Input | undefined): Check => {
  const millis = millisOr(input, 1)
  return millis > 0 && millis < Infinity
    ? undefined
    : invalid(connection, path, 'expected a finite duration longer than zero, such as "10 seconds"')
}

/** For what may also last for ever. */
export const positiveOrInfinite = (connection: string, path: Path, input: Duration.Input | undefined): Check =>
  millisOr(input, 1) === Infinity ? undefined : positive(connection, path, input)

export const wholeNumber = (connection: string, path: Path, value: number | undefined, least: number): Check =>
  value === undefined || (Number.isSafeInteger(value) && value >= least)
    ? undefined
    : invalid(connection, path, `expected a whole number of at least ${least}`)

/** The first finding, in order. */
export const firstOf = (checks: ReadonlyArray<Check>): Check => checks.find((check) => check !== undefined)
