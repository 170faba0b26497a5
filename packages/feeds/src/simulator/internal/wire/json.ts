/** Reading what clients send, and writing levels. */
import type { Instrument } from "../market/instrument.ts"
import type { Level } from "../market/side.ts"

export type Fields = Readonly<Record<string, unknown>>

/** An object, or undefined for anything else. */
export const fields = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

/** A client's frame as an object, or undefined. */
export const parse = (text: string): Fields | undefined => {
  try {
    return fields(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The texts of a list, or undefined if it is no list of texts. */
export const texts = (value: unknown): ReadonlyArray<string> | undefined =>
  Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined

/** A value as JSON, which leaves out a key when it is undefined: `,"id":7`. */
export const member = (key: string, value: unknown): string =>
  value === undefined ? "" : `,"${key}":${JSON.stringify(value)}`

type Write = (instrument: Instrument, steps: number) => string

/** Levels as lists: `[["1.5","2"]]`. */
export const pairs = (
  instrument: Instrument,
  levels: ReadonlyArray<Level>,
  price: Write,
  size: Write,
  quote = '"',
  more = ""
): string =>
  `[${levels.map(([ticks, lots]) => `[${quote}${price(instrument, ticks)}${quote},${quote}${size(instrument, lots)}${quote}${more}]`).join(",")}]`

/** Remembers the text that a function made: all subscribers of a topic get the same. */
export const once = (make: () => string): (() => string) => {
  let made: string | undefined
  return () => (made ??= make())
}

/** A time in milliseconds as text with microseconds. */
export const iso = (millis: number): string => new Date(millis).toISOString().replace("Z", "000Z")
