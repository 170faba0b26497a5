/**
 * What travels over a connection: data (text and binary) and the control
 * frames beside it. Inside the core a data frame is a bare `string` or
 * `Uint8Array` (a `Frame`), so that moving one costs no allocation; the tagged
 * union is what users see with the default codec, in hooks and in events.
 *
 * @since 0.1.0
 */

/**
 * A data frame as it crosses the transport seam: text as `string`, binary as
 * `Uint8Array`.
 *
 * @category models
 * @since 0.1.0
 */
export type Frame = string | Uint8Array

/**
 * The text of a message that may not be a string yet: what a codec gets that
 * looks before it reads (`Codec.lazyText`). Offsets come from `indexOf` and mean
 * nothing elsewhere: a transport may count bytes. A string is one too.
 *
 * @category models
 * @since 0.1.0
 */
export interface LazyText {
  /** Whether the text begins with these ASCII characters. */
  startsWith(ascii: string): boolean
  /** The offset of these ASCII characters, the first at `from` or later, or -1. */
  indexOf(ascii: string, from?: number): number
  /** The part between two offsets as a string. */
  slice(from: number, to?: number): string
  /** The whole text. Each call makes a new string. */
  toString(): string
}

/**
 * A text message.
 *
 * @category models
 * @since 0.1.0
 */
export interface Text {
  readonly _tag: "Text"
  readonly text: string
}

/**
 * A binary message.
 *
 * @category models
 * @since 0.1.0
 */
export interface Binary {
  readonly _tag: "Binary"
  readonly bytes: Uint8Array
}

/**
 * A ping frame.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ping {
  readonly _tag: "Ping"
  readonly payload: Uint8Array
}

/**
 * A pong frame.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pong {
  readonly _tag: "Pong"
  readonly payload: Uint8Array
}

/**
 * A close frame.
 *
 * @category models
 * @since 0.1.0
 */
export interface Close {
  readonly _tag: "Close"
  readonly code: number
  readonly reason: string
}

/**
 * Every message a WebSocket can carry.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = Text | Binary | Ping | Pong | Close

/**
 * The messages that carry a user's data: what a connection's stream emits with
 * the default codec.
 *
 * @category models
 * @since 0.1.0
 */
export type Data = Text | Binary

/**
 * What `send` and `sink` accept with the default codec: a tagged message, or
 * the bare string or bytes.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = Data | Frame

/**
 * Makes a text message.
 *
 * @example
 * ```ts
 * import * as Message from "kharbranth/Message"
 * import { strictEqual } from "node:assert"
 *
 * strictEqual(Message.text("hello").text, "hello")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (text: string): Text => ({ _tag: "Text", text })

/**
 * Makes a binary message. The bytes are not copied.
 *
 * @category constructors
 * @since 0.1.0
 */
export const binary = (bytes: Uint8Array): Binary => ({ _tag: "Binary", bytes })

/**
 * Makes a ping message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ping = (payload: Uint8Array = new Uint8Array(0)): Ping => ({ _tag: "Ping", payload })

/**
 * Makes a pong message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pong = (payload: Uint8Array = new Uint8Array(0)): Pong => ({ _tag: "Pong", payload })

/**
 * Makes a close message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const close = (code = 1000, reason = ""): Close => ({ _tag: "Close", code, reason })

/**
 * The tagged form of a bare frame.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromFrame = (frame: Frame): Data => (typeof frame === "string" ? text(frame) : binary(frame))

/**
 * The bare form of whatever `send` accepts.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toFrame = (input: Input): Frame =>
  typeof input === "string" || input instanceof Uint8Array ? input : input._tag === "Text" ? input.text : input.bytes
