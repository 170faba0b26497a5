/**
 * Requests and replies over a connection, matched by id. Replies are claimed
 * before any reader sees them, so awaiting one inside the only reader of the
 * stream cannot deadlock.
 *
 * Every call settles once: with its reply, its refusal, a timeout, or the loss
 * of the session that carried it. Schemas live in `RequestsSchema`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Connection } from "./Connection.ts"
import type { InvalidOptions } from "./ConnectionError.ts"
import * as internal from "./internal/requests/requests.ts"
import type { RequestError } from "./RequestError.ts"

/**
 * What a request/response protocol needs of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export type Line<In, Out> = Pick<Connection<In, Out>, "name" | "tap" | "send" | "state">

/**
 * What a message says about a request: its reply, or its refusal. The id is the
 * number that `encode` was given, as a number or in decimals.
 *
 * @category models
 * @since 0.1.0
 */
export type Match<Reply, Refusal> =
  | { readonly id: number | string; readonly reply: Reply }
  | { readonly id: number | string; readonly refusal: Refusal }

/**
 * What becomes of a call whose session ends before the reply: it fails with
 * `SessionLost`, or is sent again (with the same id) up to so many times. Replay
 * only what is idempotent: the first sending may have been acted on.
 *
 * @category models
 * @since 0.1.0
 */
export type OnLoss = "fail" | { readonly replay: number }

/**
 * @category options
 * @since 0.1.0
 */
export interface Options<in In, out Out, in Request, out Reply, out Refusal = never> {
  /** Makes the message of a request. May throw, which fails the call. */
  readonly encode: (request: Request, id: number) => Out
  /** Recognises replies; `undefined` for every other message. Cheap and synchronous. */
  readonly match: (message: In) => Match<Reply, Refusal> | undefined
  /** From the call to the reply, waiting for a session included. Default: 10 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** Default: `"fail"`. */
  readonly onLoss?: OnLoss | undefined
  /** Whether a call waits for a session when there is none. Default: `"hold"`. */
  readonly whenDown?: "hold" | "fail" | undefined
  /** Default: `"data"`, so that calls and sends keep their order. */
  readonly lane?: "control" | "data" | undefined
  /** How many calls may wait for their replies. Default: 1,024. */
  readonly maxPending?: number | undefined
  /** The first id; several `Requests` on one connection need ids apart. Default: 1. */
  readonly firstId?: number | undefined
}

/**
 * @category options
 * @since 0.1.0
 */
export interface CallOptions {
  /** Default: that of `make`. */
  readonly timeout?: Duration.Input | undefined
  /** Default: that of `make`. */
  readonly onLoss?: OnLoss | undefined
}

/**
 * What became of the calls so far, as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Figures {
  readonly pending: number
  readonly calls: number
  readonly replied: number
  readonly refused: number
  readonly timedOut: number
  /** Calls that failed with `SessionLost`. */
  readonly lost: number
  /** Sendings after the first. */
  readonly replayed: number
  /** Replies that came when nobody waited for them any more, or came twice. */
  readonly late: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Requests<in Request, out Reply, out Refusal = never> {
  readonly connection: string
  /** Sends a request and waits for its reply; as many at once as `maxPending` allows. */
  readonly call: (request: Request, options?: CallOptions) => Effect.Effect<Reply, Refusal | RequestError>
  readonly figures: Effect.Effect<Figures>
}

/**
 * Makes requests possible over a connection, for as long as the Scope lives.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as Connection from "kharbranth/Connection"
 * import * as Requests from "kharbranth/Requests"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make({ seed: 1 })
 *   yield* network.serve("wss://math.example/", (peer) =>
 *     peer.listen({
 *       frame: (frame) => {
 *         const { id, square } = JSON.parse(String(frame))
 *         peer.sendUnsafe([JSON.stringify({ id, result: square * square })])
 *       }
 *     }))
 *   return yield* Effect.gen(function*() {
 *     const connection = yield* Connection.make("math", {
 *       target: "wss://math.example/",
 *       codec: Codec.jsonAs<{ id: number; result: number }, unknown>()
 *     })
 *     const requests = yield* Requests.make(connection, {
 *       encode: (square: number, id) => ({ id, square }),
 *       match: ({ id, result }) => ({ id, reply: result })
 *     })
 *     return yield* Effect.all([requests.call(3), requests.call(4)], { concurrency: "unbounded" })
 *   }).pipe(network.provide)
 * })
 *
 * strictEqual(String(await Effect.runPromise(Effect.scoped(program))), "9,16")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <In, Out, Request, Reply, Refusal = never>(
  connection: Line<In, Out>,
  options: Options<In, Out, Request, Reply, Refusal>
): Effect.Effect<Requests<Request, Reply, Refusal>, InvalidOptions, Scope.Scope> => internal.make(connection, options)
