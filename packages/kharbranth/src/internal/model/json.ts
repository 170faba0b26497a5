/**
 * JSON that never throws and never quotes what it read, and strict UTF-8 under
 * it. Codecs and heartbeats share it.
 */
import type { Frame } from "../../Message.ts"

export class Failure {
  readonly _tag = "Failure"
  readonly issue: string
  readonly cause: unknown

  constructor(issue: string, cause?: unknown) {
    this.issue = issue
    this.cause = cause
  }
}

// Made on first use: most connections never see binary JSON.
let strict: TextDecoder | undefined

const asText = (frame: Frame): string | Failure => {
  if (typeof frame === "string") return frame
  try {
    strict ??= new TextDecoder("utf-8", { fatal: true })
    return strict.decode(frame)
  } catch (cause) {
    return new Failure("a binary frame that is not UTF-8", cause)
  }
}

// The engine's own message quotes the payload; only the position is safe to repeat.
const parseIssue = (cause: unknown): string => {
  const at = /at position (\d+)/.exec(String(cause))
  return at === null ? "not valid JSON" : `not valid JSON at position ${at[1]}`
}

export const decodeJson = (frame: Frame): unknown => {
  const text = asText(frame)
  if (text instanceof Failure) return text
  try {
    return JSON.parse(text)
  } catch (cause) {
    return new Failure(parseIssue(cause), cause)
  }
}

export const encodeJson = (message: unknown): string | Failure => {
  try {
    // Typed as a string, but `undefined` for what has no JSON form.
    const text: string | undefined = JSON.stringify(message)
    return text ?? new Failure("a value without a JSON form, such as undefined or a function")
  } catch (cause) {
    return new Failure("a value without a JSON form, such as a cycle or a bigint", cause)
  }
}
