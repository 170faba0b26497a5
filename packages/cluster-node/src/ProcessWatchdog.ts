/**
 * Watchdogs that kill this process when it does not stop using its leases in
 * time, so that a server never sees two sockets of a name.
 *
 * | | a process that is stopped (`SIGSTOP`) | a blocked event loop, a long garbage collection |
 * |---|---|---|
 * | `layerProcess` | killed | killed |
 * | `layerThread` | not noticed | killed |
 *
 * Neither helps where the whole machine or container is frozen: then both stop.
 *
 * @since 0.1.0
 */
import { Watchdog } from "@kharbranth/cluster/Watchdog"
import * as Layer from "effect/Layer"
import { watchFromProcess } from "./internal/watchdog/process.ts"
import { watchFromThread } from "./internal/watchdog/thread.ts"

/**
 * A child process watches. It takes about 40 MB, ends with its parent, and is
 * started again when it dies. What it costs is a line over a pipe per renewal.
 *
 * @example
 * ```ts
 * import * as ProcessWatchdog from "@kharbranth/cluster-node/ProcessWatchdog"
 * import { Watchdog } from "@kharbranth/cluster/Watchdog"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const { watch } = yield* Watchdog
 *   // A process with a lease that never ends is never killed.
 *   yield* watch({ left: () => 60_000, grace: 250 })
 * })
 * await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(ProcessWatchdog.layerProcess)))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerProcess: Layer.Layer<Watchdog> = Layer.succeed(Watchdog)({ watch: watchFromProcess })

/**
 * A thread of this process watches. It takes about 10 MB.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerThread: Layer.Layer<Watchdog> = Layer.succeed(Watchdog)({ watch: watchFromThread })
