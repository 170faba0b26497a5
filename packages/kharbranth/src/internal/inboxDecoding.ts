/**
 * How raw frames become messages: one batch for the decoder, and what is done
 * about frames that do not decode (passed over and marked, or the end of their
 * session's messages).
 */
import * as ConnectionError from "../ConnectionError.ts"
import type { DropReason } from "../ConnectionEvent.ts"
import type { Batch } from "../Codec.ts"
import type { Frame } from "../Message.ts"
import { append, type Decoded, decoded, type Lagged, lagged, type Lane, type Raw } from "./inboxSegments.ts"

type Failure = NonNullable<Batch<unknown>["failure"]>

export interface Options {
  readonly connection: string
  readonly skipDecodeErrors: boolean
  readonly hooks: {
    dropped(reason: DropReason, count: number): void
    decodeFailed(error: ConnectionError.DecodeError): void
  }
}

/** What a segment is once decoded: messages, and markers where frames were passed over. */
export type Piece<In> = Decoded<In> | Lagged

export class Decoding<In> {
  private readonly options: Options
  /** Lanes with a bad frame behind them: nothing more comes out of these. */
  private broken: WeakSet<Lane<In>> | undefined

  constructor(options: Options) {
    this.options = options
  }

  isBroken(lane: Lane<In>): boolean {
    return this.broken !== undefined && this.broken.has(lane)
  }

  /**
   * What a segment's frames became. `whole` makes the piece for a batch that
   * decoded to its end: a reader who takes everything needs no copy.
   */
  decode<A>(raw: Raw<In>, whole: (raw: Raw<In>, messages: ReadonlyArray<In>) => A): ReadonlyArray<A | Piece<In>> {
    if (this.isBroken(raw.lane)) {
      this.options.hooks.dropped("unread", raw.frames.length)
      return []
    }
    const batch = decodeSafely(raw.lane, raw.frames)
    if (batch.failure === undefined) return [whole(raw, batch.messages)]
    const first = decoded<In>(raw.lane.epoch)
    append(first, batch.messages, raw.sizes.slice(0, batch.failure.index))
    return this.options.skipDecodeErrors
      ? this.passOver(raw, first, batch.failure.index)
      : this.end(raw, first, batch.failure)
  }

  // One at a time from the first bad frame on: slicing the rest again and again
  // would make a batch of bad frames quadratic.
  private passOver(raw: Raw<In>, first: Decoded<In>, bad: number): ReadonlyArray<Piece<In>> {
    const pieces: Array<Piece<In>> = [first, lagged(1, false)]
    let undecodable = 1
    for (let index = bad + 1; index < raw.frames.length; index++) {
      const batch = decodeSafely(raw.lane, [raw.frames[index]!])
      if (batch.messages.length > 0) append(lastDecoded(pieces, raw.lane.epoch), batch.messages, [raw.sizes[index]!])
      if (batch.failure === undefined) continue
      undecodable += 1
      lastLagged(pieces).dropped += 1
    }
    this.options.hooks.dropped("undecodable", undecodable)
    return pieces
  }

  private end(raw: Raw<In>, first: Decoded<In>, failure: Failure): ReadonlyArray<Piece<In>> {
    this.broken ??= new WeakSet()
    this.broken.add(raw.lane)
    const after = raw.frames.length - failure.index - 1
    if (after > 0) this.options.hooks.dropped("unread", after)
    this.options.hooks.decodeFailed(
      new ConnectionError.DecodeError({
        connection: this.options.connection,
        epoch: raw.lane.epoch,
        issue: failure.issue,
        cause: ConnectionError.foreign(failure.cause)
      })
    )
    return [first]
  }
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
