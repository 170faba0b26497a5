/**
 * Generators for property tests: hub messages with awkward contents, and ways
 * to cut or damage a byte stream.
 */
import * as Schema from "effect/Schema"
import * as HubMessage from "../../src/HubMessage.ts"

const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))

/** Fractions of the stream's length where it is cut. */
export const Cuts = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9999 })))

export const Bytes = Schema.Array(Byte)

/** What a message is built from. */
export const Seed = Schema.Struct({
  kind: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 11 })),
  id: Schema.NonEmptyString,
  text: Schema.String,
  numbers: Schema.Array(Schema.Int),
  flag: Schema.Boolean
})

export const Seeds = Schema.Array(Seed)

type SeedType = (typeof Seed)["Type"]

const value = ({ flag, numbers, text }: SeedType): unknown => ({
  text,
  "nested": [numbers, { flag, none: null }],
  "é✓😀": text
})

/** A message of any kind, with the seed's contents in it. */
export const toMessage = (raw: SeedType): HubMessage.HubMessage => {
  // JSON knows no negative zero.
  const seed = { ...raw, numbers: raw.numbers.map((n) => n + 0) }
  const { flag, id, kind, numbers, text } = seed
  // A key of its own shape: "__proto__" is refused by MessagePack readers, and is no plain key in an object literal.
  const headers = { [`h${text}`]: text, h: "1" }
  const call = { target: id, arguments: [...numbers, text, value(seed)], streamIds: flag ? [id] : [], headers }
  const messages: ReadonlyArray<() => HubMessage.HubMessage> = [
    () => HubMessage.invocation({ ...call, invocationId: id }),
    () => HubMessage.invocation(call),
    () => HubMessage.streamInvocation({ ...call, invocationId: id }),
    () => HubMessage.streamItem(id, value(seed), headers),
    () => HubMessage.completion(id, HubMessage.nothing, headers),
    () => HubMessage.completion(id, { _tag: "Value", value: flag ? null : value(seed) }, headers),
    () => HubMessage.completion(id, { _tag: "Error", error: text }, headers),
    () => HubMessage.cancelInvocation(id, headers),
    () => HubMessage.ping,
    () => HubMessage.close(flag ? text : undefined, flag),
    () => HubMessage.ack(Math.abs(numbers[0] ?? 0)),
    () => HubMessage.sequence(Math.abs(numbers[0] ?? 7))
  ]
  return messages[kind]!()
}

/** Cuts bytes into pieces at the given fractions (empty pieces included). */
export const pieces = (bytes: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const at = [...cuts.map((cut) => Math.floor((cut / 10000) * bytes.length)), bytes.length].toSorted((a, b) => a - b)
  return at.map((to, i) => bytes.subarray(i === 0 ? 0 : at[i - 1]!, to))
}

/** One byte a piece: the finest split there is. */
export const singleBytes = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))

/** Overwrites bytes at pseudo-random places. */
export const damage = (bytes: Uint8Array, noise: ReadonlyArray<number>): Uint8Array => {
  const out = bytes.slice()
  noise.forEach((byte, i) => {
    if (out.length > 0) out[(byte * 31 + i * 17 + noise.length) % out.length] = byte
  })
  return out
}

export const concat = (frames: ReadonlyArray<string | Uint8Array>): Uint8Array =>
  Buffer.concat(frames.map((frame) => (typeof frame === "string" ? Buffer.from(frame) : frame)))
