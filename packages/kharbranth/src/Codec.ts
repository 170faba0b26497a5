/**
 * What a connection carries: a codec turns frames off the wire into messages,
 * and messages into frames. It is a recipe: each session gets a decoder of its
 * own. No codec throws; user functions that do are caught.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import type { ForeignCause } from "./ConnectionError.ts"
import * as internal from "./internal/codec/codecs.ts"
import * as Decoding from "./internal/codec/decode.ts"
import { decodeJson, encodeJson, Failure } from "./internal/model/json.ts"
import * as Message from "./Message.ts"
import type { Frame } from "./Message.ts"

export {
  /**
   * A message did not encode, or a frame did not decode. `issue` says why and
   * holds nothing of the message; `cause` may.
   *
   * @category models
   * @since 0.1.0
   */
  Failure
}

/**
 * What became of a batch of frames. Decoding stops at the first bad frame;
 * `messages` are those before it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch<out In> {
  readonly messages: ReadonlyArray<In>
  readonly failure:
    | {
        /** Which of the frames. */
        readonly index: number
        readonly issue: string
        readonly cause: unknown
      }
    | undefined
}

declare const made: unique symbol

/**
 * What is done about a frame that does not decode. Opaque: `Codec.fail` and
 * `Codec.skip` are the two there are. It comes with the decoder, and so does
 * its code.
 *
 * @category models
 * @since 0.1.0
 */
export interface BadFramePolicy {
  /** Nobody else can make one. */
  readonly [made]: true
}

/**
 * A frame that does not decode ends the connection with a `DecodeError`, once
 * what came before it has been read.
 *
 * @category errors
 * @since 0.1.0
 */
export const fail: BadFramePolicy = Decoding.fail

/**
 * Frames that do not decode are passed over: each is counted and marked.
 *
 * @category errors
 * @since 0.1.0
 */
export const skip: BadFramePolicy = Decoding.skip

/**
 * Decodes the frames of one session, in order. May keep state.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decoder<out In> {
  /** One that throws has failed on the first of the frames. */
  readonly decode: (frames: ReadonlyArray<Frame>) => Batch<In>
  /** What is done about a frame that does not decode. */
  readonly onBadFrame: BadFramePolicy
  /** Text may come as `LazyText` in place of a string. `Codec.lazyText` and `Codec.makeLazy` can handle that. */
  readonly lazyText?: true | undefined
  /** Control frames come too, in their place, as `Message.Ping`, `Pong` and `Close`. `Codec.messages` can handle that. */
  readonly control?: true | undefined
}

/**
 * A codec: `In` comes out of the connection, `Out` goes into it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Codec<out In, in Out> {
  readonly encode: (message: Out) => Frame | Failure
  /** Called once for each session. */
  readonly decoder: () => Decoder<In>
}

/**
 * Any codec.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Codec<unknown, never>

/**
 * What comes out of a connection with this codec.
 *
 * @category models
 * @since 0.1.0
 */
export type In<C> = C extends Codec<infer In, never> ? In : never

/**
 * What goes into a connection with this codec.
 *
 * @category models
 * @since 0.1.0
 */
export type Out<C> = C extends Codec<unknown, infer Out> ? Out : never

/**
 * The default: data messages as they are, text and binary.
 *
 * @category codecs
 * @since 0.1.0
 */
export const frames: Codec<Message.Data, Message.Input> = {
  encode: Message.toFrame,
  decoder: () => frameDecoder
}

/**
 * {@link frames} with the control frames in their place in the stream: pings
 * (which are answered in any case), pongs, those that answer the heartbeat among
 * them, and the close with its code and reason. A page shows no pings and pongs.
 * To send control frames, use `Connection.ping` and `Connection.close`.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as Connection from "kharbranth/Connection"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://feed.example/", (peer) => peer.ping(new Uint8Array([7])))
 *   const options = { target: "wss://feed.example/", codec: Codec.messages } as const
 *   const connection = yield* Connection.make("feed", options).pipe(network.provide)
 *   return yield* connection.receive
 * })
 *
 * strictEqual((await Effect.runPromise(Effect.scoped(program)))._tag, "Ping")
 * ```
 *
 * @category codecs
 * @since 0.1.0
 */
export const messages: Codec<Message.Message, Message.Input> = {
  encode: Message.toFrame,
  decoder: () => messageDecoder
}

/**
 * Text messages as bare strings. A binary frame does not decode: whether its
 * bytes are text is the server's secret. That a text frame is UTF-8 has been
 * checked by the transport.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import { deepStrictEqual } from "node:assert"
 *
 * const decoder = Codec.text.decoder()
 * deepStrictEqual(decoder.decode(["a", "b"]).messages, ["a", "b"])
 * deepStrictEqual(decoder.decode(["a", new Uint8Array(1)]).failure?.index, 1)
 * ```
 *
 * @category codecs
 * @since 0.1.0
 */
export const text: Codec<string, string> = {
  encode: (message) => message,
  decoder: () => textDecoder
}

/**
 * Text messages that may not be strings yet: look for a prefix or a key, and make
 * strings of those that you read. It spares the decoding of text beyond ASCII.
 * Where there is nothing to spare the messages are strings: plain ASCII, and
 * transports that have no bytes, such as a page's. A binary frame does not decode.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import type { LazyText } from "kharbranth/Message"
 * import { deepStrictEqual } from "node:assert"
 *
 * const isTrade = (text: LazyText) => text.startsWith(`{"e":"trade"`)
 *
 * const { messages } = Codec.lazyText.decoder().decode([`{"e":"depth"}`, `{"e":"trade","p":7}`])
 * deepStrictEqual(messages.filter(isTrade).map((text) => JSON.parse(String(text))), [{ e: "trade", p: 7 }])
 * ```
 *
 * @category codecs
 * @since 0.1.0
 */
export const lazyText: Codec<Message.LazyText, string> = {
  encode: (message) => message,
  decoder: () => lazyTextDecoder
}

/**
 * Binary messages as bare bytes, without a copy. A text frame does not decode.
 *
 * @category codecs
 * @since 0.1.0
 */
export const bytes: Codec<Uint8Array, Uint8Array> = {
  encode: (message) => message,
  decoder: () => bytesDecoder
}

/**
 * JSON both ways, written as text. Binary frames are read too, as strict UTF-8,
 * which is what JSON is defined in. Nothing is revived, and a key such as
 * `__proto__` is a key like any other.
 *
 * @category codecs
 * @since 0.1.0
 */
export const json: Codec<unknown, unknown> = {
  encode: encodeJson,
  decoder: () => jsonDecoder
}

/**
 * {@link json} with types that nobody checks. `CodecSchema.json` checks them.
 *
 * @category codecs
 * @since 0.1.0
 */
export const jsonAs = <In, Out = In>(): Codec<In, Out> => json as Codec<In, Out>

/**
 * How a codec of your own is made: from functions for one message each.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<In, Out> {
  /** May throw, which is a failure. */
  readonly encode: (message: Out) => Frame | Failure
  /** May throw, which is a failure. */
  readonly decode: (frame: Frame) => In | Failure
  /** Default: `"fail"`. */
  readonly onDecodeError?: "fail" | "skip" | undefined
}

/**
 * Makes a codec of one message a frame.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import { deepStrictEqual } from "node:assert"
 *
 * const numbers = Codec.make({
 *   encode: (n: number) => String(n),
 *   decode: (frame) => typeof frame === "string" ? Number(frame) : new Codec.Failure("expected text")
 * })
 * deepStrictEqual(numbers.decoder().decode(["1", "2"]).messages, [1, 2])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <In, Out>(options: Options<In, Out>): Codec<In, Out> =>
  makeStateful({ ...options, decoder: () => options.decode })

/**
 * How a codec is made that looks at text before it reads it.
 *
 * @category models
 * @since 0.1.0
 */
export interface LazyOptions<In, Out> {
  /** May throw, which is a failure. */
  readonly encode: (message: Out) => Frame | Failure
  /** May throw, which is a failure. */
  readonly decode: (frame: Message.LazyText | Uint8Array) => In | Failure
  /** Default: `"fail"`. */
  readonly onDecodeError?: "fail" | "skip" | undefined
}

/**
 * Makes a codec of one message a frame that sees text before it is a string: it
 * can tell messages apart by a prefix or a key, and leave the rest unread.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import { deepStrictEqual } from "node:assert"
 *
 * const trades = Codec.makeLazy({
 *   encode: (message: string) => message,
 *   decode: (frame) =>
 *     !(frame instanceof Uint8Array) && frame.indexOf(`"e":"trade"`) >= 0 ? JSON.parse(String(frame)) : undefined
 * })
 * deepStrictEqual(trades.decoder().decode([`{"e":"depth"}`, `{"e":"trade"}`]).messages, [undefined, { e: "trade" }])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeLazy = <In, Out>(options: LazyOptions<In, Out>): Codec<In, Out> => {
  // A decoder that wants text as it comes gets what its function is declared to take.
  const inner = make<In, Out>(options)
  return { encode: inner.encode, decoder: () => internal.lazy(inner.decoder()) }
}

/**
 * How a codec is made whose decoder remembers what came before.
 *
 * @category models
 * @since 0.1.0
 */
export interface StatefulOptions<In, Out> {
  /** May throw, which is a failure. */
  readonly encode: (message: Out) => Frame | Failure
  /** Called once for each session; what it returns sees that session's frames in order. */
  readonly decoder: () => (frame: Frame) => In | Failure
  /** Default: `"fail"`. */
  readonly onDecodeError?: "fail" | "skip" | undefined
}

/**
 * Makes a codec whose decoder remembers what it saw on a session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeStateful = <In, Out>(options: StatefulOptions<In, Out>): Codec<In, Out> => ({
  encode: internal.caught(options.encode, "the codec's `encode` threw"),
  decoder: () => {
    const decode = internal.caught(options.decoder, "the codec's `decoder` threw")()
    return internal.oneByOne(
      decode instanceof Failure ? () => decode : internal.caught(decode, "the codec's `decode` threw"),
      options.onDecodeError === "skip" ? skip : fail
    )
  }
})

/**
 * The same codec, passing over frames that do not decode: each is counted and
 * marked, none ends the stream.
 *
 * @category combinators
 * @since 0.1.0
 */
export const skipErrors = <In, Out>(self: Codec<In, Out>): Codec<In, Out> => ({
  ...self,
  decoder: () => {
    const inner = self.decoder()
    return {
      decode: (frames) => inner.decode(frames),
      onBadFrame: skip,
      lazyText: inner.lazyText,
      control: inner.control
    }
  }
})

/**
 * Why a frame did not decode, as an element of the stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodeIssue {
  readonly _tag: "DecodeIssue"
  readonly issue: string
  readonly cause: ForeignCause
}

/**
 * The same codec with bad frames in their place in the stream, as failures.
 *
 * @example
 * ```ts
 * import * as Result from "effect/Result"
 * import * as Codec from "kharbranth/Codec"
 * import { deepStrictEqual } from "node:assert"
 *
 * const { messages } = Codec.yieldErrors(Codec.json).decoder().decode(["1", "{", "2"])
 * deepStrictEqual(messages.map(Result.isSuccess), [true, false, true])
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const yieldErrors = <In, Out>(self: Codec<In, Out>): Codec<Result.Result<In, DecodeIssue>, Out> => ({
  ...self,
  decoder: () => {
    const inner = self.decoder()
    return {
      decode: (frames) => ({ messages: internal.yieldAll(inner, frames), failure: undefined }),
      onBadFrame: inner.onBadFrame,
      lazyText: inner.lazyText,
      control: inner.control
    }
  }
})

// Decoders without memory serve every session.
const frameDecoder: Decoder<Message.Data> = {
  decode: (frames) => ({ messages: frames.map(Message.fromFrame), failure: undefined }),
  onBadFrame: Decoding.never
}
const messageDecoder: Decoder<Message.Message> = {
  decode: (frames) => ({ messages: frames.map(internal.messageOf), failure: undefined }),
  onBadFrame: Decoding.never,
  control: true
}
const textDecoder = /* @__PURE__ */ internal.only(internal.isText, "a binary frame where text was expected")
const lazyTextDecoder: Decoder<Message.LazyText> = /* @__PURE__ */ internal.lazy(
  /* @__PURE__ */ internal.only(internal.isLazyText, "a binary frame where text was expected")
)
const bytesDecoder = /* @__PURE__ */ internal.only(internal.isBytes, "a text frame where binary was expected")
const jsonDecoder = /* @__PURE__ */ internal.oneByOne(decodeJson, fail)
