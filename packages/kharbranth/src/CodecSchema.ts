/**
 * Codecs from `effect/Schema`: what arrives is checked, and typed as it was
 * checked. A module of its own, because Schema doubles a browser bundle.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Codec from "./Codec.ts"
import { issueOf } from "./internal/codec/issues.ts"
import { decodeJson, encodeJson } from "./internal/model/json.ts"
import type { Frame } from "./Message.ts"

/**
 * A schema that needs no services, so that it can run inside the socket's turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source<A> extends Schema.ConstraintCodec<A, unknown> {}

/**
 * What the codecs of this module take.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<In, Out> {
  /** What arrives. */
  readonly in: Source<In>
  /** What is sent. */
  readonly out: Source<Out>
  /** Default: `"fail"`. */
  readonly onDecodeError?: "fail" | "skip" | undefined
}

const fromExit = <A>(exit: Exit.Exit<A, unknown>, doing: string): A | Codec.Failure => {
  if (Exit.isSuccess(exit)) return exit.value
  const cause = Cause.squash(exit.cause)
  return new Codec.Failure(issueOf(doing, cause), cause)
}

/**
 * JSON checked by one schema for each direction. A type that JSON does not
 * know, such as a `Date` or a `bigint`, travels in its canonical JSON form.
 *
 * @example
 * ```ts
 * import * as Schema from "effect/Schema"
 * import * as CodecSchema from "kharbranth/CodecSchema"
 * import { deepStrictEqual, strictEqual } from "node:assert"
 *
 * const codec = CodecSchema.make({
 *   in: Schema.Struct({ price: Schema.Finite }),
 *   out: Schema.Struct({ op: Schema.Literal("subscribe") })
 * })
 * strictEqual(codec.encode({ op: "subscribe" }), "{\"op\":\"subscribe\"}")
 * const batch = codec.decoder().decode(["{\"price\":1}", "{\"price\":\"dear\"}"])
 * deepStrictEqual(batch.messages, [{ price: 1 }])
 * strictEqual(batch.failure?.issue, "it does not match its schema at [\"price\"]")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <In, Out>(options: Options<In, Out>): Codec.Codec<In, Out> => {
  const decodeValue = Schema.decodeUnknownExit(Schema.toCodecJson(options.in))
  const encodeValue = Schema.encodeUnknownExit(Schema.toCodecJson(options.out))
  const decode = (frame: Frame): In | Codec.Failure => {
    const value = decodeJson(frame)
    return value instanceof Codec.Failure ? value : fromExit(decodeValue(value), "it does not match its schema")
  }
  const encode = (message: Out): Frame | Codec.Failure => {
    const value = fromExit(encodeValue(message), "it does not match its schema")
    return value instanceof Codec.Failure ? value : encodeJson(value)
  }
  return Codec.make({ decode, encode, onDecodeError: options.onDecodeError })
}

/**
 * JSON checked by one schema both ways.
 *
 * @category constructors
 * @since 0.1.0
 */
export const json = <A>(schema: Source<A>): Codec.Codec<A, A> => make({ in: schema, out: schema })
