/**
 * How raw frames become messages. Each decoder says what is done about frames
 * that do not decode, and brings the code for it (`inboxBadFrames.ts`).
 */
import type { DecodeError } from "../../ConnectionError.ts"
import type { DropReason } from "../../ConnectionEvent.ts"
import type { Decoded, Lagged, Raw } from "./segments.ts"

/** Who hears of frames that did not decode. */
export interface Told {
  readonly connection: string
  readonly hooks: {
    dropped(reason: DropReason, count: number): void
    failed(error: DecodeError): void
  }
}

/** What a segment is once decoded: messages, and markers where frames were passed over. */
export type Piece<In> = Decoded<In> | Lagged

/**
 * What a segment's frames became. `whole` makes the piece for a batch that
 * decoded to its end: a reader who takes everything needs no copy.
 */
export type Decode = <In, A>(
  raw: Raw<In>,
  whole: (raw: Raw<In>, messages: ReadonlyArray<In>) => A,
  told: Told
) => ReadonlyArray<A | Piece<In>>

/** For decoders that every frame decodes with. */
export const sound: Decode = (raw, whole) => [whole(raw, raw.lane.decoder.decode(raw.frames).messages)]

export const decode: Decode = (raw, whole, told) => raw.lane.decoder.onError(raw, whole, told)
