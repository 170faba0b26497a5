/**
 * How long frames are on the wire, and how virtual times stay exact.
 */
import * as Duration from "effect/Duration"
import type { Frame } from "../../Message.ts"

const textLength = (text: string): number => {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    const leads = unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    // A surrogate pair is 4 bytes for its 2 units; any other unit of this branch is 3.
    bytes += unit < 0x800 ? 1 : 2
    if (leads) i++
  }
  return bytes
}

/** The payload's length in bytes: UTF-8 for text. */
export const byteLength = (frame: Frame): number => (typeof frame === "string" ? textLength(frame) : frame.length)

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
