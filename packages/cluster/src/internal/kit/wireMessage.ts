/**
 * Messages as JSON, and back: text, bytes, and what JSON keeps as it is. All else
 * would arrive as something different, so it is refused by where it stands.
 */
import { ofWireFrame, toWireFrame, type WireFrame } from "./wireFrame.ts"

export type WireMessage =
  | { readonly _tag: "Frame"; readonly frame: WireFrame }
  | { readonly _tag: "Json"; readonly value: unknown }
  /** Where in the message something is that cannot travel. */
  | { readonly _tag: "Refused"; readonly path: string }

const isPlain = (value: object): boolean => {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null
}

/** The path of the first value that JSON would change; `undefined` when there is none. */
const unfit = (value: unknown, path: string, above: ReadonlyArray<unknown>): string | undefined => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined
  if (typeof value === "number") return Number.isFinite(value) ? undefined : path
  if (typeof value !== "object" || above.includes(value)) return path
  const inside = [...above, value]
  if (Array.isArray(value))
    return first(
      value.map((one, n) => [`${path}[${n}]`, one] as const),
      inside
    )
  // A member that is undefined is the same as none.
  const members = Object.entries(value).filter(([, one]) => one !== undefined)
  return isPlain(value)
    ? first(
        members.map(([key, one]) => [`${path}.${key}`, one] as const),
        inside
      )
    : path
}

const first = (
  members: ReadonlyArray<readonly [string, unknown]>,
  above: ReadonlyArray<unknown>
): string | undefined => {
  for (const [path, value] of members) {
    const found = unfit(value, path, above)
    if (found !== undefined) return found
  }
  return undefined
}

export const toWireMessage = (message: unknown): WireMessage => {
  if (typeof message === "string" || message instanceof Uint8Array)
    return { _tag: "Frame", frame: toWireFrame(message) }
  const path = unfit(message, "message", [])
  return path === undefined ? { _tag: "Json", value: message } : { _tag: "Refused", path }
}

export const ofWireMessage = (message: Exclude<WireMessage, { readonly _tag: "Refused" }>): unknown =>
  message._tag === "Frame" ? ofWireFrame(message.frame) : message.value
