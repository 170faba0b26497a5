/**
 * Readers of parsed frames. Each returns what it found or throws `Malformed`,
 * which the decoder turns into a typed failure; no other code sees the throw.
 */
import type { Changes } from "../../FeedEvent.ts"
import type { Sequence } from "../../Sequencer.ts"
import { isDecimal } from "./decimal.ts"

/** Thrown here and caught by the decoder: it never leaves the package. */
export class Malformed {
  readonly expected: string
  constructor(expected: string) {
    this.expected = expected
  }
}

const fail = (expected: string): never => {
  throw new Malformed(expected)
}

export type Fields = Readonly<Record<string, unknown>>

export const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : fail("an object")

export const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : fail("a list"))

export const string = (value: unknown): string => (typeof value === "string" ? value : fail("text"))

/** Decimal text, whether the venue quoted it or not. */
export const decimal = (value: unknown): string => {
  const text = typeof value === "string" ? value : typeof value === "number" ? String(value) : fail("a decimal")
  return isDecimal(text) ? text : fail("a decimal")
}

export const optionalDecimal = (value: unknown): string | undefined =>
  value === undefined || value === null || value === "" ? undefined : decimal(value)

/** Reads a value that the venue may leave out. */
export const optional = <A>(read: (value: unknown) => A, value: unknown): A | undefined =>
  value === undefined ? undefined : read(value)

/** A size whose sign says the side: negative is an ask, or a sell. */
export const signed = (value: unknown): { readonly negative: boolean; readonly size: string } => {
  const text = decimal(value)
  const negative = text.startsWith("-")
  return { negative, size: negative ? text.slice(1) : text }
}

export const integer = (value: unknown): number => {
  const number = Number(decimal(value))
  return Number.isSafeInteger(number) ? number : fail("a whole number")
}

/** A 32-bit checksum, which some venues write with a sign. */
export const checksum = (value: unknown): number => integer(value) >>> 0

/** A sequence number: a number while a double can hold it, else a bigint. */
export const sequence = (value: unknown): Sequence => {
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : fail("a sequence number")
  const text = string(value)
  if (!/^-?\d{1,40}$/.test(text)) return fail("a sequence number")
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

/** Milliseconds from a number or decimal text; absent stays absent. */
export const millis = (value: unknown): number | undefined => {
  const text = optionalDecimal(value)
  return text === undefined ? undefined : Number(text)
}

/** Milliseconds from an ISO date. */
export const isoMillis = (value: unknown): number | undefined => {
  if (typeof value !== "string") return undefined
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : at
}

export const side = (value: unknown): "buy" | "sell" => {
  const text = string(value).toLowerCase()
  return text === "buy" || text === "sell" ? text : fail("a side")
}

interface Growing {
  readonly values: Array<number>
  readonly prices: Array<string>
  readonly sizes: Array<string>
}

export const noChanges = (): Growing => ({ values: [], prices: [], sizes: [] })

export const addChange = (changes: Growing, price: string, size: string): void => {
  if (size.charCodeAt(0) === 45) fail("a size of zero or more")
  const value = Number(price)
  if (!Number.isFinite(value)) fail("a finite price")
  changes.values.push(value)
  changes.prices.push(price)
  changes.sizes.push(size)
}

/** Levels as venues list them: `[price, size, …]`. */
export const changes = (value: unknown, priceAt: number | string = 0, sizeAt: number | string = 1): Changes => {
  const found = noChanges()
  for (const entry of list(value)) {
    const level = entry as Readonly<Record<string | number, unknown>> | null
    if (typeof level !== "object" || level === null) return fail("a level")
    addChange(found, decimal(level[priceAt]), decimal(level[sizeAt]))
  }
  return found
}
