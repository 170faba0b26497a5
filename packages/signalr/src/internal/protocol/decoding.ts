/**
 * What the decoders of all hub protocols do alike: cut the stream into pieces,
 * read each, and stop at the first violation.
 */
import type { Frame } from "kharbranth/Message"
import { ProtocolViolation } from "../../HubError.ts"
import type { HubMessage } from "../../HubMessage.ts"
import { defaultMaxMessageSize, type Decoder, type DecoderOptions } from "../../HubProtocol.ts"

export interface Split<Piece> {
  readonly pieces: ReadonlyArray<Piece>
  /** Why the stream cannot be read any further. */
  readonly issue: string | undefined
}

/** Cuts a stream into messages. */
export interface Splitter<Piece> {
  push(frame: Frame): Split<Piece>
  /** How much of an unfinished message waits for the rest. */
  pending(): number
}

/** A message, the words that say what is wrong with it, or `undefined` where it is to be skipped. */
export type Read = HubMessage | string | undefined

export const decoderOf =
  <Piece>(protocol: string, makeSplitter: (max: number) => Splitter<Piece>, makeRead: () => (piece: Piece) => Read) =>
  ({ connection, maxMessageSize = defaultMaxMessageSize }: DecoderOptions): Decoder => {
    const splitter = makeSplitter(maxMessageSize)
    const read = makeRead()
    let error: ProtocolViolation | undefined
    const violation = (issue: string) => (error = new ProtocolViolation({ connection, protocol, issue }))
    return {
      push: (frame) => {
        const messages: Array<HubMessage> = []
        if (error !== undefined) return { messages, error }
        const { issue, pieces } = splitter.push(frame)
        for (const piece of pieces) {
          const message = read(piece)
          if (message === undefined) continue
          if (typeof message === "string") return { messages, error: violation(message) }
          messages.push(message)
        }
        return { messages, error: issue === undefined ? undefined : violation(issue) }
      },
      pending: () => splitter.pending(),
      end: () => error ?? (splitter.pending() > 0 ? violation("the stream ended inside a message") : undefined)
    }
  }
