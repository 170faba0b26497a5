/**
 * What is done about frames that do not decode: they end the messages of their
 * session, or are passed over and marked.
 */
import type { Batch } from "../../Codec.ts"
import * as ConnectionError from "../../ConnectionError.ts"
import type { Frame } from "../../Message.ts"
import type { Decode, Piece } from "./decode.ts"
import { append, type Decoded, decoded, type Lagged, lagged, type Lane, type Raw } from "./segments.ts"

export const fail: Decode = (raw, whole, { connection, hooks }) => {
  const { frames, lane } = raw
  if (lane.broken) {
    hooks.dropped("unread", frames.length)
    return []
  }
  const { failure, messages } = decodeSafely(lane, frames)
  if (failure === undefined) return [whole(raw, messages)]
  lane.broken = true
  const after = frames.length - failure.index - 1
  if (after > 0) hooks.dropped("unread", after)
  const { epoch } = lane
  const { cause, issue } = failure
  hooks.failed(new ConnectionError.DecodeError({ connection, epoch, issue, cause: ConnectionError.foreign(cause) }))
  return [before(raw, messages, failure.index)]
}

// One at a time from the first bad frame on: slicing the rest again and again
// would make a batch of bad frames quadratic.
export const skip: Decode = (raw, whole, { hooks }) => {
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
  hooks.dropped("undecodable", undecodable)
  return pieces
}

// The codecs made by `Codec` do not throw; one written by hand may, and a turn of
// the inbox has nobody above it to catch that.
const decodeSafely = <In>(lane: Lane<In>, frames: ReadonlyArray<Frame>): Batch<In> => {
  try {
    return lane.decoder.decode(frames)
  } catch (cause) {
    return { messages: [], failure: { index: 0, issue: "the codec's decoder threw", cause } }
  }
}

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
