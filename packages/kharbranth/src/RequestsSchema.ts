/**
 * Typed calls from `effect/Schema`: requests are encoded, and replies are
 * checked. This is a module of its own because Schema doubles a browser bundle.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Source } from "./CodecSchema.ts"
import { EncodeError, foreign } from "./ConnectionError.ts"
import { issueOf } from "./internal/codec/issues.ts"
import { type CallOptions, ReplyMismatch, type RequestError, type Requests } from "./Requests.ts"

/**
 * A method of the server: its name, and the schemas of its request and its reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface Method<Input, Output> {
  /** What the server calls it; errors name it. */
  readonly name: string
  readonly request: Source<Input>
  readonly reply: Source<Output>
}

/**
 * Makes a typed call of one method. `wrap` turns the encoded input and the
 * method's name into a request that the `encode` of your `Requests` takes, such as
 * `{ method: "add", params }`. What does not match its schema fails with
 * `EncodeError` or `ReplyMismatch`, which name the method and the field.
 *
 * @example
 * ```ts
 * import type * as Requests from "kharbranth/Requests"
 * import * as RequestsSchema from "kharbranth/RequestsSchema"
 * import * as Schema from "effect/Schema"
 *
 * interface Rpc { readonly method: string; readonly params: unknown }
 *
 * export const placeOrder = (requests: Requests.Requests<Rpc, unknown>) =>
 *   RequestsSchema.method(
 *     requests,
 *     {
 *       name: "order.place",
 *       request: Schema.Struct({ size: Schema.Finite }),
 *       reply: Schema.Struct({ order: Schema.String })
 *     },
 *     (params, method) => ({ method, params })
 *   )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const method = <Request, Refusal, Input, Output>(
  requests: Requests<Request, unknown, Refusal>,
  { name, reply, request }: Method<Input, Output>,
  wrap: (input: unknown, name: string) => Request
): ((
  input: Input,
  options?: CallOptions
) => Effect.Effect<Output, Refusal | RequestError | EncodeError | ReplyMismatch>) => {
  const encode = Schema.encodeUnknownEffect(Schema.toCodecJson(request))
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(reply))
  const { connection } = requests
  const misfit = (cause: unknown): EncodeError =>
    new EncodeError({
      connection,
      issue: issueOf(`the request of "${name}" does not match its schema`, cause),
      cause: foreign(cause)
    })
  const mismatch = (cause: unknown): ReplyMismatch =>
    new ReplyMismatch({
      connection,
      method: name,
      issue: issueOf("it does not match its schema", cause),
      cause: foreign(cause)
    })
  return (input, options) =>
    encode(input).pipe(
      Effect.mapError(misfit),
      Effect.flatMap((encoded) => requests.call(wrap(encoded, name), options)),
      Effect.flatMap((reply) => Effect.mapError(decode(reply), mismatch))
    )
}
