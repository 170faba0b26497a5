/**
 * What frames weigh beside their payload, and how virtual times stay exact.
 */
import * as Duration from "effect/Duration"

/** A frame's header, roughly: what makes an empty frame visible as bytes. */
export const headerSize = 2

/**
 * Times are kept in 64ths of a millisecond, which floating point adds and
 * subtracts exactly, so a timer never wakes a hair too early.
 */
export const quantise = (millis: number): number => Math.ceil(millis * 64) / 64

/**
 * A wait that ends. A Duration counts whole nanoseconds, and to sleep for less
 * than half of one is not to sleep: what then looks at the clock again finds the
 * same instant, for ever.
 */
export const waitOf = (millis: number): Duration.Duration =>
  Duration.nanos(BigInt(Math.max(1, Math.round(millis * 1_000_000))))
