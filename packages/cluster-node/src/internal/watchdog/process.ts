/** A watchdog in a child process. */
import type { Watched } from "@kharbranth/cluster/Watchdog"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { childProgram } from "./programs.ts"
import { telling } from "./watch.ts"

// Not in the group of this process: what ends the group at a terminal must not end the watchdog first.
const start = (): ChildProcess =>
  spawn(process.execPath, ["-e", childProgram, String(process.pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    env: {}
  })

const running = Effect.acquireRelease(Effect.sync(start), (child) =>
  Effect.sync(() => {
    child.removeAllListeners()
    child.stdin?.destroy()
    child.kill("SIGKILL")
  })
)

/** Resolves with what ended it. */
const ended = (child: ChildProcess) =>
  Effect.callback<string>((resume) => {
    child.once("exit", (code, signal) => resume(Effect.succeed(signal ?? `exit code ${code}`)))
    child.once("error", (error) => resume(Effect.succeed(error.message)))
    // A child that died takes no more lines.
    child.stdin?.on("error", () => {})
  })

const guard = (watched: Watched): Effect.Effect<void> =>
  Effect.gen(function* () {
    const child = yield* running
    child.unref()
    yield* telling(watched, (deadline) => void child.stdin?.write(`${deadline}\n`))
    const cause = yield* ended(child)
    yield* Effect.logError(
      `The watchdog of this process ended (${cause}); it is started again in a second. Until then nothing kills this process if it is paused.`
    )
  }).pipe(Effect.scoped)

export const watchFromProcess = (watched: Watched): Effect.Effect<void, never, Scope.Scope> =>
  guard(watched).pipe(Effect.andThen(Effect.sleep("1 second")), Effect.forever, Effect.forkScoped, Effect.asVoid)
