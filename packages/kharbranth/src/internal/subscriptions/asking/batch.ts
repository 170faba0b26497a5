/**
 * How many topics go into one message: as many as both bounds allow. Servers
 * that swallow a message that is too large say nothing, so bytes count too.
 */
import type { BatchOptions } from "../../../Subscriptions.ts"
import { textSize } from "../../model/frame.ts"

const textOf = (message: object): string | undefined =>
  "_tag" in message && message._tag === "Text" && "text" in message && typeof message.text === "string"
    ? message.text
    : undefined

const bytesOf = (message: object): Uint8Array | undefined => {
  if (message instanceof Uint8Array) return message
  return "_tag" in message && message._tag === "Binary" && "bytes" in message && message.bytes instanceof Uint8Array
    ? message.bytes
    : undefined
}

/** A message's size in bytes: of text and bytes, else of its JSON. */
export const sizeOf = (message: unknown): number => {
  if (typeof message === "string") return textSize(message)
  if (typeof message !== "object" || message === null) return textSize(JSON.stringify(message) ?? "")
  const bytes = bytesOf(message)
  return bytes === undefined ? textSize(textOf(message) ?? JSON.stringify(message)) : bytes.byteLength
}

export interface Batch<Out> {
  readonly count: number
  readonly message: Out
  /** The first topic alone is larger than a message may be. */
  readonly tooLarge: boolean
}

/** The largest batch of the first topics that keeps both bounds. */
export const largest = <Topic, Out>(
  topics: ReadonlyArray<Topic>,
  encode: (topics: ReadonlyArray<Topic>) => Out,
  options: BatchOptions<Out> | undefined
): Batch<Out> => {
  const size = options?.size ?? sizeOf
  const most = options?.bytes ?? Infinity
  const encoded = (count: number) => {
    const message = encode(topics.slice(0, count))
    return { count, message, tooLarge: most !== Infinity && size(message) > most }
  }
  let best = encoded(Math.min(topics.length, options?.items ?? 100))
  if (!best.tooLarge) return best
  let low = 1
  let high = best.count - 1
  best = encoded(1)
  while (low < high && !best.tooLarge) {
    const middle = (low + high + 1) >>> 1
    const tried = encoded(middle)
    if (tried.tooLarge) high = middle - 1
    else {
      low = middle
      best = tried
    }
  }
  return best
}
