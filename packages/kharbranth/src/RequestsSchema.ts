/**
 * Typed methods on `Requests`, from `effect/Schema`: what is asked is encoded,
 * what is answered is checked. A module of its own, because Schema doubles a
 * browser bundle.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Source } from "./CodecSchema.ts"
import { EncodeError, foreign } from "./ConnectionError.ts"
import { ReplyMismatch, type RequestError } from "./RequestError.ts"
import type { CallOptions, Requests } from "./Requests.ts"

/**
 * A method of the server's: what it takes and what it gives.
 *
 * @category models
 * @since 0.1.0
 */
export interface Method<Input, Output> {
  readonly request: Source<Input>
  readonly reply: Source<Output>
}

/**
 * Makes a typed call of one method. `wrap` puts the encoded input into what
 * `Requests` was made for, such as `{ method: "add", params }`.
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
