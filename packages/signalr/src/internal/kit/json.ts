/** Reads what a peer wrote: what a value is, and objects out of JSON. */

export type Json = Readonly<Record<string, unknown>>

export const isObject = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

/** Text with something in it, as names and ids are. */
export const isText = (u: unknown): u is string => typeof u === "string" && u !== ""

export const isStrings = (u: unknown): u is ReadonlyArray<string> =>
  Array.isArray(u) && u.every((s) => typeof s === "string")

export const isAbsent = (u: unknown): u is null | undefined => u === undefined || u === null

/** The object that a text is; `undefined` for everything else. */
export const parseObject = (text: string): Json | undefined => {
  try {
    const json: unknown = JSON.parse(text)
    return isObject(json) ? json : undefined
  } catch {
    return undefined
  }
}
