/**
 * Explains a connection from its recording, in five lines: what it does, because
 * of what, what that means for you, what comes next, and what to do.
 *
 * An explanation blames one of six: the network, the server, your credentials,
 * your reader, this machine, or the configuration. From one end of a wire some
 * causes look alike: a peer that died and a path that broke are both silent.
 * Such silence is the network's, until a second session shows it from its start.
 *
 * @since 0.1.0
 */
import * as internal from "./internal/explaining/explain.ts"
import type { Recording } from "./Recorder.ts"

/**
 * Whose trouble it is.
 *
 * @category models
 * @since 0.1.0
 */
export type Blame = "network" | "server" | "credentials" | "your reader" | "this machine" | "configuration"

/**
 * What several sessions, or several connections, have in common.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pattern {
  readonly kind: "steady age" | "steady lifetime" | "accept then close" | "everyone at once" | "clock jump"
  /** What it says, and what would help. */
  readonly text: string
}

/**
 * Why a connection is where it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Explanation {
  readonly connection: string
  /** `undefined` where nothing has gone wrong, or you asked for it. */
  readonly blame: Blame | undefined
  /** The numbers of the entries that led here, the first cause first. */
  readonly chain: ReadonlyArray<number>
  readonly patterns: ReadonlyArray<Pattern>
  /** Its state. */
  readonly what: string
  /** What led to it. */
  readonly because: string
  /** What it means for your messages. */
  readonly you: string
  /** What it does by itself, and when. */
  readonly next: string
  /** What you can do. */
  readonly advice: string
}

/**
 * Explains a recording. It is a pure function: the same recording gives the same
 * explanation, today or from a file.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as Recorder from "kharbranth/Recorder"
 * import * as Why from "kharbranth/Why"
 * import * as Fault from "kharbranth/testing/Fault"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://feed.example/")
 *   yield* network.inject(Fault.reject({ status: 404 }))
 *   yield* Effect.gen(function*() {
 *     yield* Effect.exit(Connection.make("feed", { target: "wss://feed.example/" }))
 *     const recorder = yield* Recorder.Recorder
 *     const explanation = Why.explain(Option.getOrThrow(yield* recorder.of("feed")))
 *     strictEqual(explanation.blame, "configuration")
 *     strictEqual(explanation.next, "nothing: it does not dial by itself")
 *   }).pipe(network.provide, Effect.provide(Recorder.layer()))
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category explaining
 * @since 0.1.0
 */
export const explain: (recording: Recording) => Explanation = internal.explain

/**
 * An explanation as five lines of text; a pattern follows in the last.
 *
 * @category explaining
 * @since 0.1.0
 */
export const print: (explanation: Explanation) => string = internal.print
