/**
 * Packets: entries of one opening in a row, with the place of the first. One without
 * entries says how far the owner is. All of it is JSON, so any broker carries it.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Inbox from "kharbranth/Inbox"
import type { CannotTravel } from "../../FleetError.ts"
import { foreign } from "kharbranth/ConnectionError"
import { BusFailed } from "../../FleetError.ts"
import { ofWireEntry, type Place, type Seen, toWireEntry, type WireEntry } from "../entries/wireEntry.ts"

// ------------------------------------------------------------------- subjects

// A subject is part of a line that brokers limit.
const longestSubject = 1_024

const token = (text: string): string =>
  text.replace(/[^A-Za-z0-9_-]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** Another one for each kind and name; what brokers read as separators or wildcards is escaped. */
export const subjectOf = (kind: string, name: string): Effect.Effect<string, BusFailed> => {
  const subject = `${token(kind)}.${token(name)}`
  return subject.length <= longestSubject
    ? Effect.succeed(subject)
    : Effect.fail(new BusFailed({ operation: "subject", cause: foreign({ _tag: "NameTooLong" }) }))
}

// -------------------------------------------------------------------- writing

const encoder = new TextEncoder()

/** Where entries stand, and the place that their opening follows on, if a packet must still say so. */
export interface Begun extends Place {
  readonly follows: Place | undefined
}

const packetOf = ({ follows, lease, opening, sequence }: Begun, entries: ReadonlyArray<string>): Uint8Array =>
  encoder.encode(
    `${JSON.stringify({ v: 1, lease, opening, sequence, follows }).slice(0, -1)},"entries":[${entries.join(",")}]}`
  )

/** Where the owner is by now. */
export const beatOf = (place: Begun): Uint8Array => packetOf(place, [])

/** Entries as packets of at most so many bytes; `undefined` for one entry that is too large for any. */
export const packetsOf = (
  place: Begun,
  entries: ReadonlyArray<Inbox.Entry<unknown>>,
  mostBytes: number
): ReadonlyArray<Uint8Array | undefined> => {
  const texts = entries.map((entry) => JSON.stringify(toWireEntry(entry)))
  const from = (start: number, end: number): ReadonlyArray<Uint8Array | undefined> => {
    if (start === end) return []
    const packet = packetOf({ ...place, sequence: place.sequence + start }, texts.slice(start, end))
    if (packet.byteLength <= mostBytes) return [packet]
    if (end - start === 1) return [undefined]
    const middle = (start + end) >>> 1
    return [...from(start, middle), ...from(middle, end)]
  }
  return from(0, texts.length)
}

// -------------------------------------------------------------------- reading

const place = {
  lease: Schema.Struct({ bucket: Schema.String, epoch: Schema.Int, holder: Schema.String }),
  opening: Schema.Int,
  sequence: Schema.Int
}

const Packet = Schema.Struct({
  v: Schema.Literal(1),
  ...place,
  follows: Schema.optionalKey(Schema.Struct(place)),
  entries: Schema.Array(Schema.Unknown)
})

const decodePacket = Schema.decodeUnknownSync(Schema.fromJsonString(Packet))
const decoder = new TextDecoder()

export interface Received {
  /** Of the entry that comes next. */
  readonly place: Place
  /** The place that the opening follows on, where nothing is missing in between. */
  readonly follows: Place | undefined
  readonly seen: ReadonlyArray<Seen>
  /** The entry after these could not travel. */
  readonly failure: CannotTravel | undefined
}

/** What a packet holds; `undefined` when it is none of ours. */
export const read = (name: string, packet: Uint8Array): Received | undefined => {
  try {
    const { entries, follows, lease, opening, sequence } = decodePacket(decoder.decode(packet))
    const seen: Array<Seen> = []
    for (const entry of entries) {
      const found = ofWireEntry(name, entry as WireEntry)
      if (Result.isFailure(found))
        return { seen, follows, failure: found.failure, place: { lease, opening, sequence: sequence + seen.length } }
      seen.push({ lease, opening, sequence: sequence + seen.length, follows, entry: found.success })
    }
    return { seen, follows, failure: undefined, place: { lease, opening, sequence: sequence + seen.length } }
  } catch {
    return undefined
  }
}
