/**
 * Runs a recording again: the recorded inputs of the lifecycle, through the
 * lifecycle of this version. What a connection does next is a pure function of
 * those inputs, so the states must be the recorded ones. A recording that a user
 * sends becomes a test this way.
 *
 * The recorder must have been given the option `steps`.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import type { InvalidOptions } from "./ConnectionError.ts"
import * as internal from "./internal/recording/replay.ts"
import type { Recording, Step } from "./Recorder.ts"

/**
 * What came of a replay.
 *
 * @category models
 * @since 0.1.0
 */
export interface Replayed {
  /** The states, one after each step. */
  readonly states: ReadonlyArray<Step["state"]>
  /** The first step whose state is not the recorded one, if there is one. */
  readonly differs:
    | { readonly step: number; readonly recorded: Step["state"]; readonly replayed: Step["state"] }
    | undefined
}

/**
 * Replays the steps of a recording. Fails for one that has none.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as Recorder from "kharbranth/Recorder"
 * import * as Replay from "kharbranth/Replay"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Result from "effect/Result"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   yield* Effect.gen(function*() {
 *     yield* Connection.make("echo", { target: "wss://echo.example/" })
 *     const recorder = yield* Recorder.Recorder
 *     const recording = Option.getOrThrow(yield* recorder.of("echo"))
 *     const replayed = Result.getOrThrow(Replay.run(recording))
 *     strictEqual(replayed.differs, undefined)
 *     strictEqual(replayed.states.at(-1)?._tag, "Connected")
 *   }).pipe(network.provide, Effect.provide(Recorder.layer({ steps: 1000 })))
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category replaying
 * @since 0.1.0
 */
export const run: (recording: Recording) => Result.Result<Replayed, InvalidOptions> = internal.run
