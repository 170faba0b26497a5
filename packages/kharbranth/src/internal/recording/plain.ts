/**
 * Errors, events and states as plain data. What is redacted stays out: only a
 * foreign cause shows, by its tag.
 */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import { type ConnectionError, isConnectionError } from "../../ConnectionError.ts"
import type { Plain, PlainError } from "../../Recorder.ts"

type Field = string | number | boolean

// Said by the recording already, or by `tag` and `message`.
const said: ReadonlySet<string> = new Set(["_tag", "connection", "name", "message", "stack"])

const fieldOf = (value: unknown): Field | undefined => {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value
  if (Duration.isDuration(value)) return Duration.toMillis(value)
  if (isConnectionError(value)) return value._tag
  return Array.isArray(value) ? value.join(".") : undefined
}

const fieldsOf = (error: ConnectionError): Readonly<Record<string, Field>> => {
  const fields: Record<string, Field> = {}
  for (const [key, value] of Object.entries(error)) {
    const field = fieldOf(value)
    if (field !== undefined && !said.has(key)) fields[key] = field
  }
  // An error's cause is no property like the others.
  if ("cause" in error && Redacted.isRedacted(error.cause)) fields["cause"] = error.cause.label ?? "unknown"
  return fields
}

export const plainError = (error: ConnectionError): PlainError => ({
  tag: error._tag,
  message: error.message,
  fields: fieldsOf(error)
})

const plainValue = (value: unknown): unknown => {
  if (Duration.isDuration(value)) return Duration.toMillis(value)
  if (isConnectionError(value)) return plainError(value)
  if (Redacted.isRedacted(value)) return `<redacted:${value.label ?? "unknown"}>`
  if (typeof value !== "object" || value === null) return value
  return Array.isArray(value) ? value.map(plainValue) : plainFields(value)
}

/** What is plain already is kept as it is: most events are, and a copy takes more memory than a literal. */
const plainFields = (value: object): object => {
  let isPlain = Object.getPrototypeOf(value) === Object.prototype
  const plain: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(value)) {
    const copy = field === undefined ? undefined : plainValue(field)
    if (copy !== undefined) plain[key] = copy
    if (copy === undefined || copy !== field) isPlain = false
  }
  return isPlain ? value : plain
}

export const plain = <A extends object>(value: A): Plain<A> => plainValue(value) as Plain<A>
