/**
 * The seam between hub messages and the wire. A protocol is a value: a name, a
 * transfer format, an encoder and a recipe for a decoder. The decoder is
 * incremental: frames are not messages, so it keeps an unfinished tail and any
 * split of the byte stream gives the same messages.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import type { Frame } from "kharbranth/Message"
import type { ArgumentError, ProtocolViolation } from "./HubError.ts"
import type { HubMessage } from "./HubMessage.ts"

/**
 * Whether a protocol travels in text or in binary frames.
 *
 * @category models
 * @since 0.1.0
 */
export type TransferFormat = "Text" | "Binary"

/**
 * What one piece of the byte stream gave.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decoded {
  /** The messages that this piece completed, in order. */
  readonly messages: ReadonlyArray<HubMessage>
  /** Set when the stream cannot be read any further; `messages` came before the fault. */
  readonly error: ProtocolViolation | undefined
}

/**
 * Reads one session's inbound byte stream. It never throws, and after the first
 * violation it reports that one again and reads nothing more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decoder {
  /** Reads the next piece. */
  push(frame: Frame): Decoded
  /** Bytes (for text: UTF-16 units) of an unfinished message that wait for the rest. */
  pending(): number
  /** The stream has ended: a violation when it ended inside a message. */
  end(): ProtocolViolation | undefined
}

/**
 * What a decoder needs to know.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecoderOptions {
  /** The connection's name, for error messages. */
  readonly connection: string
  /** The largest message that is believed, in bytes (for text: UTF-16 units). Default: 64 MiB. */
  readonly maxMessageSize?: number | undefined
}

/**
 * One encoding of hub messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubProtocol {
  /** As the handshake names it. */
  readonly name: string
  /** The newest handshake version it speaks; 2 is used only with stateful reconnect. */
  readonly version: number
  readonly transferFormat: TransferFormat
  /** Encodes one message, with its separator or length prefix. Fails on values that have no wire form. */
  readonly encode: (message: HubMessage) => Result.Result<Frame, Unencodable>
  readonly decoder: (options: DecoderOptions) => Decoder
}

/**
 * A value has no form in this protocol. Becomes an `ArgumentError` where the
 * connection and the method are known.
 *
 * @category models
 * @since 0.1.0
 */
export type Unencodable = Pick<ArgumentError, "issue">

/**
 * The default bound of one inbound message.
 *
 * @category models
 * @since 0.1.0
 */
export const defaultMaxMessageSize = 64 * 1024 * 1024
