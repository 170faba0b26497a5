/**
 * Recordings of what venues sent, as lines of JSON with their times, and replays
 * of them through the very same connections, subscriptions and books. A
 * recording of an incident is a test of it; under a test's clock it takes no time.
 *
 * A recording holds all that was sent: do not record logins.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import * as Heartbeat from "kharbranth/Heartbeat"
import type { Transport } from "kharbranth/Transport"
import * as Parsing from "./internal/recording/lines.ts"
import * as Recorder from "./internal/recording/record.ts"
import * as Replayer from "./internal/recording/replay.ts"
import type { Venue } from "./Venue.ts"

/**
 * One line of a recording. Times are Unix seconds with a fraction.
 *
 * - `connect`: a socket was opened. `end`: it is gone, by a close with a code or by a cut.
 * - `send`, `recv`: a frame; binary ones are in base64 and have `binary`.
 * - `http`: an answer, with what it took in seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly t: "connect" | "end" | "send" | "recv" | "http"
  readonly ts: number
  /** Which socket; sockets of a recording have different names. */
  readonly conn?: string | undefined
  /** Of a socket without its query; of a request with it. */
  readonly url?: string | undefined
  readonly data?: string | undefined
  readonly binary?: boolean | undefined
  /** The close code, or the status of an answer. */
  readonly code?: number | undefined
  readonly took?: number | undefined
}

/**
 * Runs a program that makes feeds and records all that their venues send and
 * are sent. `write` gets one line at a time, without its line break; it must not
 * throw.
 *
 * @example
 * ```ts
 * import * as Feed from "@kharbranth/feeds/Feed"
 * import * as Recording from "@kharbranth/feeds/Recording"
 * import * as Bybit from "@kharbranth/feeds/venues/Bybit"
 *
 * const lines: Array<string> = []
 * export const feed = Recording.record(Feed.make({ venue: Bybit.make() }), (line) => lines.push(line))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const record: <A, E, R>(
  program: Effect.Effect<A, E, R>,
  write: (line: string) => void
) => Effect.Effect<A, E, R | Transport> = Recorder.record

/**
 * What `replay` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface ReplayOptions {
  /** How many times as fast as it was recorded, from 1 to 100. Default: 1. */
  readonly speed?: number | undefined
}

/**
 * Runs a program that makes feeds on a recording instead of the network: each
 * dial is answered by the next recorded socket to that address, each request over
 * HTTP by the next recorded answer. A dial that the recording does not have waits
 * for ever, so a replay ends quietly. Give the feed {@link replayable} venues.
 *
 * @category combinators
 * @since 0.1.0
 */
export const replay: <A, E, R>(
  program: Effect.Effect<A, E, R>,
  lines: ReadonlyArray<Line>,
  options?: ReplayOptions
) => Effect.Effect<A, E, Exclude<R, Transport>> = Replayer.replay

/**
 * Reads a recording: the text of a file. Fails with the first line that is none.
 *
 * @example
 * ```ts
 * import * as Recording from "@kharbranth/feeds/Recording"
 * import * as Result from "effect/Result"
 * import { deepStrictEqual } from "node:assert"
 *
 * const found = Recording.parse('{"t":"recv","ts":1.5,"conn":"a","data":"hello"}\n')
 * deepStrictEqual(Result.getOrThrow(found), [{ t: "recv", ts: 1.5, conn: "a", data: "hello" }])
 * deepStrictEqual(Result.isFailure(Recording.parse("nonsense")), true)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse: (text: string) => Result.Result<ReadonlyArray<Line>, string> = Parsing.parse

/**
 * A venue as a recording can play it: nobody answers heartbeats, and nobody
 * counts what is sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const replayable = (venue: Venue): Venue => ({
  ...venue,
  lines: Object.fromEntries(
    Object.entries(venue.lines).map(([key, line]) => {
      const limits = {
        ...line.limits,
        send: [],
        dial: { limit: 10_000, window: "1 second" },
        maxAge: undefined
      } as const
      return [key, { ...line, heartbeat: Heartbeat.none, limits }] as const
    })
  )
})
