/**
 * The kinds of values that a page needs at run time: numbers and durations,
 * which a program may compute. A kind never throws, whatever it is asked about.
 */
import type * as Duration from "effect/Duration"
import * as Check from "../model/check.ts"

/** What one option takes. */
export interface Kind {
  /** What is right, in words. */
  readonly expected: string
  readonly is: (value: unknown) => boolean
}

// Numbers are milliseconds, and need no detour on the way to a socket.
const millisOf = (value: unknown): number =>
  typeof value === "number" ? value : Check.millis(Check.duration(value as Duration.Input))

export const duration: Kind = {
  expected: 'a finite duration longer than zero, such as "10 seconds"',
  is: (value) => {
    const millis = millisOf(value)
    return millis > 0 && millis < Infinity
  }
}

/** A duration that may also be for ever. */
export const lasting: Kind = {
  expected: 'a duration longer than zero, such as "10 seconds" or "Infinity"',
  is: (value) => millisOf(value) > 0
}

export const whole = (least: number): Kind => ({
  expected: `a whole number of at least ${least}`,
  is: (value) => Number.isSafeInteger(value) && (value as number) >= least
})
