/** Reads objects out of JSON that a peer wrote. */

export type Json = Readonly<Record<string, unknown>>

export const isObject = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

/** The object that a text is; `undefined` for everything else. */
export const parseObject = (text: string): Json | undefined => {
  try {
    const json: unknown = JSON.parse(text)
    return isObject(json) ? json : undefined
  } catch {
    return undefined
  }
}
