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
import { type CallOptions, ReplyMismatch, type RequestError, type Requests } from "./Requests.ts"

/**
 * A method of the server: the schemas of its request and its reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface Method<Input, Output> {
  readonly request: Source<Input>
  readonly reply: Source<Output>
}

/**
 * Makes a typed call of one method. `wrap` turns the encoded input into a request
 * that the `encode` of your `Requests` takes, such as `{ method: "add", params }`.
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
 *     { request: Schema.Struct({ size: Schema.Finite }), reply: Schema.Struct({ order: Schema.String }) },
 *     (params) => ({ method: "order.place", params })
 *   )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const method = <Request, Refusal, Input, Output>(
  requests: Requests<Request, unknown, Refusal>,
  schemas: Method<Input, Output>,
  wrap: (input: unknown) => Request
): ((
  input: Input,
  options?: CallOptions
) => Effect.Effect<Output, Refusal | RequestError | EncodeError | ReplyMismatch>) => {
  const encode = Schema.encodeUnknownEffect(Schema.toCodecJson(schemas.request))
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(schemas.reply))
  const { connection } = requests
  return (input, options) =>
    encode(input).pipe(
      Effect.mapError(
        (cause) => new EncodeError({ connection, issue: "a request does not match its schema", cause: foreign(cause) })
      ),
      Effect.flatMap((encoded) => requests.call(wrap(encoded), options)),
      Effect.flatMap((reply) =>
        Effect.mapError(
          decode(reply),
          (cause) => new ReplyMismatch({ connection, issue: "it does not match its schema", cause: foreign(cause) })
        )
      )
    )
}
