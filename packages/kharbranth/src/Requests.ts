/**
 * Requests and replies over a connection, matched by id. Replies are claimed
 * before any reader sees them, so awaiting one inside the only reader of the
 * stream cannot deadlock.
 *
 * Every call settles once: with its reply, with the server's refusal, or with a
 * {@link RequestError}. Calls that are typed by Schemas live in `RequestsSchema`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Connection } from "./Connection.ts"
import type { InvalidOptions, SendError } from "./ConnectionError.ts"
import type { RequestTimeout, SessionLost, TooManyRequests } from "./internal/requests/errors.ts"
import * as internal from "./internal/requests/requests.ts"

/**
 * The part of a connection that requests use.
 *
 * @category models
 * @since 0.1.0
 */
export type Carrier<In, Out> = Pick<Connection<In, Out>, "name" | "tap" | "send" | "state">

/**
 * A reply or a refusal, with the id of the request that it answers. The id is
 * the number that `encode` was given, as a number or in decimals.
 *
 * @category models
 * @since 0.1.0
 */
export type Match<Reply, Refusal> =
  | { readonly id: number | string; readonly reply: Reply }
  | { readonly id: number | string; readonly refusal: Refusal }

/**
 * How a call goes on when its session ends before the reply. `"fail"` fails it
 * with `SessionLost`. `replay` sends the request again, with the same id, up to
 * that many times. Replay idempotent requests only: the server may have acted on
 * the first sending.
 *
 * @category models
 * @since 0.1.0
 */
export type OnLoss = "fail" | { readonly replay: number }

/**
 * How requests are written, replies are recognized, and calls wait.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<in In, out Out, in Request, out Reply, out Refusal = never> {
  /** Makes the message of a request. May throw, which fails the call. */
  readonly encode: (request: Request, id: number) => Out
  /** Recognizes replies; `undefined` for every other message. Runs for each message, so keep it cheap. */
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
 * Options of one call.
 *
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
 * How the calls so far ended, as plain data.
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
  /** How often a call is sent again. */
  readonly replayed: number
  /** Replies that came twice, or after their call had ended. */
  readonly late: number
}

/**
 * Calls over one connection. {@link make} returns it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Requests<in Request, out Reply, out Refusal = never> {
  readonly connection: string
  /** Sends a request and waits for its reply; as many at once as `maxPending` allows. */
  readonly call: (request: Request, options?: CallOptions) => Effect.Effect<Reply, Refusal | RequestError>
  readonly figures: Effect.Effect<Figures>
}

export {
  /**
   * No reply came in time. Whether the server acted on the request is unknown if
   * it was sent.
   *
   * @category errors
   * @since 0.1.0
   */
  RequestTimeout,
  /**
   * The session that carried the request ended before a reply came, and the policy
   * allows no (further) replay. Whether the server acted on it is unknown.
   *
   * @category errors
   * @since 0.1.0
   */
  SessionLost,
  /**
   * `maxPending` requests wait for their replies already.
   *
   * @category errors
   * @since 0.1.0
   */
  TooManyRequests,
  /**
   * A reply does not match the schema of its method. `RequestsSchema` fails with it.
   *
   * @category errors
   * @since 0.1.0
   */
  ReplyMismatch
} from "./internal/requests/errors.ts"

/**
 * Every way in which a call can fail, apart from the server's refusal.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestError = RequestTimeout | SessionLost | TooManyRequests | SendError

/**
 * Starts matching replies to calls on a connection, until the Scope closes.
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
  connection: Carrier<In, Out>,
  options: Options<In, Out, Request, Reply, Refusal>
): Effect.Effect<Requests<Request, Reply, Refusal>, InvalidOptions, Scope.Scope> => internal.make(connection, options)
