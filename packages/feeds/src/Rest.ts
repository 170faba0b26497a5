/**
 * HTTP requests to venues: snapshots of books, trades after a gap, addresses.
 * Every request is bounded in time and size, waits for room in the venue's
 * weight limit, and ends with its scope. A venue that says "too many" pauses
 * every request to it.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import { Client } from "./internal/rest/client.ts"
import type { FetchFailed, RestFailed } from "./internal/rest/errors.ts"
import * as internal from "./internal/rest/fetch.ts"

/**
 * A request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly method: "GET" | "POST"
  readonly url: string
  /** The most bytes that the answer may have. */
  readonly maxBytes: number
}

/**
 * An answer, of whatever status.
 *
 * @category models
 * @since 0.1.0
 */
export interface Response {
  readonly status: number
  /** The header `Retry-After` as it was sent. */
  readonly retryAfter: string | undefined
  readonly body: string
}

export {
  /**
   * There was no answer: the network failed, or the answer was larger than allowed.
   *
   * @category errors
   * @since 0.1.0
   */
  FetchFailed,
  /**
   * A request to a venue came to nothing.
   *
   * @category errors
   * @since 0.1.0
   */
  RestFailed
} from "./internal/rest/errors.ts"

/**
 * Runs one request. An interrupted one is aborted.
 *
 * @category models
 * @since 0.1.0
 */
export type Fetch = (request: Request) => Effect.Effect<Response, FetchFailed>

/**
 * What runs the requests of feeds. Default: the platform's `fetch`.
 *
 * @example
 * ```ts
 * import * as Rest from "@kharbranth/feeds/Rest"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const fetch = yield* Rest.Fetch
 *   return (yield* fetch({ method: "GET", url: "https://venue.example/time", maxBytes: 1024 })).body
 * })
 *
 * const scripted: Rest.Fetch = () => Effect.succeed({ status: 200, retryAfter: undefined, body: "noon" })
 * strictEqual(await Effect.runPromise(Effect.provideService(program, Rest.Fetch, scripted)), "noon")
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const Fetch: Context.Reference<Fetch> = internal.Fetch

/**
 * What `make` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The venue's name, for errors. */
  readonly venue: string
  /** How much weight any `window` may see. */
  readonly limit: number
  readonly window: Duration.Input
  /** How long a request may take. Default: 10 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** The most bytes of an answer. Default: 16 MiB. */
  readonly maxBytes?: number | undefined
  /** The longest that a `Retry-After` pauses requests. Default: 10 minutes. */
  readonly maxRetryAfter?: Duration.Input | undefined
  /** How long HTTP 429 or 418 without `Retry-After` pauses requests. Default: 1 minute. */
  readonly pause?: Duration.Input | undefined
}

/**
 * Asks one venue, within its limit.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rest {
  /** The body of a successful answer. Waits for room in the limit, and while the venue is paused. */
  readonly ask: (request: {
    readonly method?: "GET" | "POST" | undefined
    readonly url: string
    /** What it costs of the limit. Default: 1. */
    readonly weight?: number | undefined
  }) => Effect.Effect<string, RestFailed>
  /** How much weight the present window has seen, and how long requests are still paused, in milliseconds. */
  readonly figures: Effect.Effect<{ readonly used: number; readonly pausedFor: number }>
}

/**
 * Makes a client for one venue, with the `Fetch` of where it is made.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Rest> => Client.make(options)
