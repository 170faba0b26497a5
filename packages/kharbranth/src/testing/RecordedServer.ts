/**
 * A server of a `TestNetwork` that does what the servers of a recording did: a
 * bug report becomes a test. It refuses, rejects, hangs, closes, cuts and falls
 * silent, dial by dial, each as long after its dial as it was recorded.
 *
 * **Details**
 *
 * - What is the same: of each dial that reached the network how it ended, in kind,
 *   status and code, and how long its session lasted. With the same policies your
 *   connection goes through the same states, and an explanation blames the same.
 * - What is not: messages, which no recording has (give a `script`); what your own
 *   program did, such as `restart`, `pause` or a slow reader; latency; and the waits
 *   between dials, which are your policy's.
 * - Dials are told apart by their order alone. What was evicted from the recording
 *   is not served, so record with enough `entries`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { DialPhase } from "../ConnectionError.ts"
import type { Recording } from "../Recorder.ts"
import * as internal from "./internal/recorded.ts"
import type { TestNetwork } from "./TestNetwork.ts"
import type { Answer, Script, Server } from "./TestServer.ts"

/**
 * How a session ends: closed by the server with this code, cut, or silent from
 * then on, so that only a heartbeat can find out.
 *
 * @category models
 * @since 0.1.0
 */
export type End =
  | { readonly _tag: "Close"; readonly code: number }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Silence" }

/**
 * What became of one dial.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fate {
  /** The epoch that the dial had in the recording. */
  readonly epoch: number
  /** The phase in which it hung before it reached the server. */
  readonly lostIn: DialPhase | undefined
  /** What the server says to the dial. */
  readonly answer: Answer
  /** Milliseconds from the dial to the answer. */
  readonly answerAfter: number
  /** What ends the session; `undefined` for one that the server did not end. */
  readonly end: End | undefined
  /** Milliseconds from the answer to that end. */
  readonly endAfter: number
}

/**
 * Options of `serve`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<E = never, R = never> {
  /** What the server says in each session. Default: nothing. */
  readonly script?: Script<E, R> | undefined
}

/**
 * What became of each dial of a recording that reached the network, in order.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fates: (recording: Recording) => ReadonlyArray<Fate> = internal.fates

/**
 * Serves a url as a recording says. The first dial meets the fate of the first
 * recorded dial, and so on; dials beyond the recorded ones are accepted.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as Recorder from "kharbranth/Recorder"
 * import * as RecordedServer from "kharbranth/testing/RecordedServer"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import { strictEqual } from "node:assert"
 *
 * const url = "wss://feed.example/"
 *
 * const failing = Effect.gen(function*() {
 *   const recorder = yield* Recorder.Recorder
 *   const error = yield* Effect.flip(Connection.make("feed", { target: url }))
 *   return { error, recording: Option.getOrThrow(yield* recorder.of("feed")) }
 * }).pipe(Effect.provide(Recorder.layer()))
 *
 * const program = Effect.gen(function*() {
 *   // In production:
 *   const there = yield* TestNetwork.make()
 *   yield* there.serve(url, TestNetwork.silent, { answer: () => Effect.succeed(TestNetwork.reject(404)) })
 *   const recorded = yield* there.provide(failing)
 *
 *   // In the test, from the recording alone:
 *   const here = yield* TestNetwork.make()
 *   yield* RecordedServer.serve(here, url, recorded.recording)
 *   const { error } = yield* here.provide(failing)
 *   strictEqual(error._tag, "HandshakeRejected")
 *   strictEqual(error.message, recorded.error.message)
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve: <E = never, R = never>(
  network: TestNetwork,
  url: string,
  recording: Recording,
  options?: Options<E, R>
) => Effect.Effect<Server, never, R> = internal.serve
