/**
 * How raw frames become messages, and what is done about those that do not
 * decode: they end the messages of their session, or are passed over and marked.
 * Each decoder says which, and so comes with the code for it.
 */
import type { BadFramePolicy, Batch } from "../../Codec.ts"
import * as ConnectionError from "../../ConnectionError.ts"
import type { DropReason } from "../../ConnectionEvent.ts"
import type { Frame } from "../../Message.ts"
import { attempt } from "../kit/guard.ts"
import { append, type Decoded, decoded, type Lagged, lagged, type Lane, type Raw } from "./segments.ts"

/** Who is informed of frames that did not decode. */
export interface BadFrameOwner {
  drop(where: "inbox", reason: DropReason, count: number): void
  fail(error: ConnectionError.DecodeError): void
}

/** Who reads what is decoded. */
export interface DecodeReader {
  readonly connection: string
  readonly owner: BadFrameOwner
}

/** What a segment is once decoded: messages, and markers where frames were passed over. */
export type Piece<In> = Decoded<In> | Lagged

/**
 * What a segment's frames became. `whole` makes the piece for a batch that
 * decoded to its end: a reader who takes everything needs no copy.
 */
type Decode = <In, A>(
  raw: Raw<In>,
  whole: (raw: Raw<In>, messages: ReadonlyArray<In>) => A,
  reader: DecodeReader
) => ReadonlyArray<A | Piece<In>>

// To the public a policy for bad frames is opaque; only this room makes them.
const made = (decode: Decode): BadFramePolicy => decode as unknown as BadFramePolicy
const decodeBy = (policy: BadFramePolicy): Decode => policy as unknown as Decode

export const decode: Decode = (raw, whole, reader) => decodeBy(raw.lane.decoder.onBadFrame)(raw, whole, reader)

// ---- policies ----

const failing: Decode = (raw, whole, { connection, owner }) => {
  const { frames, lane } = raw
  if (lane.broken) {
    owner.drop("inbox", "unread", frames.length)
    return []
  }
  const { failure, messages } = decodeSafely(lane, frames)
  if (failure === undefined) return [whole(raw, messages)]
  lane.broken = true
  const after = frames.length - failure.index - 1
  if (after > 0) owner.drop("inbox", "unread", after)
  const { epoch } = lane
  const { cause, issue } = failure
  owner.fail(new ConnectionError.DecodeError({ connection, epoch, issue, cause: ConnectionError.foreign(cause) }))
  return [before(raw, messages, failure.index)]
}

// One at a time from the first bad frame on: slicing the rest again and again
// would make a batch of bad frames quadratic.
const skipping: Decode = (raw, whole, { owner }) => {
  const { frames, lane, sizes } = raw
  const { failure, messages } = decodeSafely(lane, frames)
  if (failure === undefined) return [whole(raw, messages)]
  const pieces: Array<Piece<(typeof messages)[number]>> = [before(raw, messages, failure.index), lagged(1, false)]
  let undecodable = 1
  for (let index = failure.index + 1; index < frames.length; index++) {
    const batch = decodeSafely(lane, [frames[index]!])
    if (batch.messages.length > 0) append(lastDecoded(pieces, lane.epoch), batch.messages, [sizes[index]!])
    if (batch.failure === undefined) continue
    undecodable += 1
    lastLagged(pieces).dropped += 1
  }
  owner.drop("inbox", "undecodable", undecodable)
  return pieces
}

// The codecs made by `Codec` do not throw; one written by hand may, and a turn of
// the inbox has nobody above it to catch that.
const decodeSafely = <In>(lane: Lane<In>, frames: ReadonlyArray<Frame>): Batch<In> =>
  attempt(
    () => lane.decoder.decode(frames),
    (cause) => ({ messages: [], failure: { index: 0, issue: "the codec's decoder threw", cause } })
  )

/** The messages of the frames before the bad one. */
const before = <In>(raw: Raw<In>, messages: ReadonlyArray<In>, bad: number): Decoded<In> => {
  const segment = decoded<In>(raw.lane.epoch)
  append(segment, messages, raw.sizes.slice(0, bad))
  return segment
}

const lastDecoded = <In>(pieces: Array<Piece<In>>, epoch: number): Decoded<In> => {
  const last = pieces[pieces.length - 1]!
  if (last._tag === "Decoded") return last
  const piece = decoded<In>(epoch)
  pieces.push(piece)
  return piece
}

const lastLagged = <In>(pieces: Array<Piece<In>>): Lagged => {
  const last = pieces[pieces.length - 1]!
  if (last._tag === "Lagged") return last
  const piece = lagged(0, false)
  pieces.push(piece)
  return piece
}

/** For decoders that every frame decodes with. */
const always: Decode = (raw, whole) => [whole(raw, raw.lane.decoder.decode(raw.frames).messages)]

export const fail = /* @__PURE__ */ made(failing)
export const skip = /* @__PURE__ */ made(skipping)
export const never = /* @__PURE__ */ made(always)
