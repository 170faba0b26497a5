/**
 * Child processes of tests, running a TypeScript file with the same Node; they
 * print one line when they are ready and go when the scope closes.
 */
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"

export interface Child {
  readonly process: ChildProcess
  /** The first line it printed. */
  readonly ready: string
}

const firstLine = (child: ChildProcess) =>
  Effect.callback<string>((resume) => {
    const lines = createInterface({ input: child.stdout! })
    lines.once("line", (line) => resume(Effect.succeed(line)))
    child.once("exit", (code) => resume(Effect.die(new Error(`the child exited early with ${code}`))))
  })

export const spawnScoped = Effect.fnUntraced(function* (file: URL, ...args: ReadonlyArray<string>) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [file.pathname, ...args], { stdio: ["pipe", "pipe", "inherit"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  const ready = yield* firstLine(child)
  return { process: child, ready } satisfies Child
})

/** The hostile server's origin, as `ws://127.0.0.1:port`. */
export const hostile = Effect.map(
  spawnScoped(new URL("../hostile/server.ts", import.meta.url)),
  ({ ready }) => `ws://127.0.0.1:${ready}`
)
