/**
 * A heartbeat's user functions, made total: a `match` that throws does not
 * match, a `make` or `reply` that throws makes nothing.
 */
import type { Frame } from "../Message.ts"
import { decodeJson, encodeJson, Failure } from "./json.ts"

export const making =
  <A>(make: (input: A) => Frame) =>
  (input: A): Frame | undefined => {
    try {
      const made: unknown = make(input)
      return typeof made === "string" || made instanceof Uint8Array ? made : undefined
    } catch {
      return undefined
    }
  }

export const matching =
  <Args extends ReadonlyArray<unknown>>(match: (...args: Args) => boolean) =>
  (...args: Args): boolean => {
    try {
      const matched: unknown = match(...args)
      return matched === true
    } catch {
      return false
    }
  }

const toJson = (message: unknown): Frame => {
  const text = encodeJson(message)
  if (text instanceof Failure) throw text
  return text
}

export const makingJson = (make: (id: number) => unknown) => making((id: number) => toJson(make(id)))

export const replyingJson = (reply: (message: unknown) => unknown) =>
  making((frame: Frame) => toJson(reply(decodeJson(frame))))

export const matchingJson = <Rest extends ReadonlyArray<unknown>>(
  match: (message: unknown, ...rest: Rest) => boolean,
  contains: string | undefined
) =>
  matching((frame: Frame, ...rest: Rest): boolean => {
    if (contains !== undefined && typeof frame === "string" && !frame.includes(contains)) return false
    const message = decodeJson(frame)
    return !(message instanceof Failure) && match(message, ...rest)
  })

export const textPulse =
  (pulse: string | ((text: string) => boolean)) =>
  (frame: Frame): boolean =>
    typeof frame === "string" && (typeof pulse === "string" ? frame === pulse : pulse(frame))
