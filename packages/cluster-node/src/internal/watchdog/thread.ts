/** A watchdog in a thread. */
import type { Watched } from "@kharbranth/cluster/Watchdog"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import { threadProgram } from "./programs.ts"
import { telling } from "./watch.ts"

interface Thread {
  readonly worker: Worker
  readonly deadline: Float64Array
  readonly bell: Int32Array
}

// The deadline, then two numbers: the first is rung when it changed, the second says that this is the end.
const start = (): Thread => {
  const shared = new SharedArrayBuffer(16)
  const worker = new Worker(threadProgram, { eval: true, workerData: shared, env: {}, execArgv: [] })
  worker.unref()
  return { worker, deadline: new Float64Array(shared, 0, 1), bell: new Int32Array(shared, 8) }
}

const ring = ({ bell }: Thread): void => {
  Atomics.add(bell, 0, 1)
  Atomics.notify(bell, 0)
}

const running = Effect.acquireRelease(Effect.sync(start), (thread) =>
  Effect.sync(() => {
    Atomics.store(thread.bell, 1, 1)
    ring(thread)
  })
)

const guard = (watched: Watched): Effect.Effect<void> =>
  Effect.gen(function* () {
    const thread = yield* running
    yield* telling(watched, (deadline) => {
      thread.deadline[0] = deadline
      ring(thread)
    })
    const cause = yield* Effect.callback<string>((resume) => {
      thread.worker.once("error", (error) => resume(Effect.succeed(String(error))))
      thread.worker.once("exit", (code) => resume(Effect.succeed(`exit code ${code}`)))
    })
    yield* Effect.logError(
      `The watchdog of this process ended (${cause}); it is started again in a second. Until then nothing kills this process if it is blocked.`
    )
  }).pipe(Effect.scoped)

export const watchFromThread = (watched: Watched): Effect.Effect<void, never, Scope.Scope> =>
  guard(watched).pipe(Effect.andThen(Effect.sleep("1 second")), Effect.forever, Effect.forkScoped, Effect.asVoid)
