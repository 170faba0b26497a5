/**
 * The repository's demo as a user runs it, in a process of its own: five simulated
 * venues, half a minute of faults, a page for Prometheus, and a verdict.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { eventually } from "./prometheus.ts"

const program = join(import.meta.dirname, "../../../../scratchpad/demo/main.ts")

export interface Demo {
  /** Where its page is: a host and a port. */
  readonly target: string
  /** Waits until its faults are over; the page stays. */
  readonly storm: Effect.Effect<void>
  /** Lets it end as Ctrl-C does; its exit code, and all that it printed. */
  readonly finish: Effect.Effect<{ readonly code: number | null; readonly printed: string }>
}

const exited = (child: ChildProcess): Effect.Effect<number | null> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.succeed(child.exitCode))
    child.once("close", (code) => resume(Effect.succeed(code)))
  })

export const running: Effect.Effect<Demo, never, Scope.Scope> = Effect.gen(function* () {
  let printed = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [program, "--metrics", "--stay"], { stdio: ["ignore", "pipe", "pipe"] })),
    (process) =>
      Effect.suspend(() => {
        // Its children end when their channel to it does.
        process.kill("SIGKILL")
        return exited(process)
      })
  )
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8")
    stream.on("data", (text: string) => {
      printed += text
    })
  }
  const hasPrinted = (words: RegExp): Effect.Effect<boolean> =>
    Effect.sync(() => words.test(printed) || child.exitCode !== null)
  const address = /metrics http:\/\/([\d.:]+)\/metrics/
  yield* eventually(hasPrinted(address), "30 seconds")
  const target = address.exec(printed)?.[1]
  if (target === undefined) return yield* Effect.die(new Error(`the demo serves no page:\n${printed}`))
  return {
    target,
    storm: eventually(hasPrinted(/The metrics stays at/), "120 seconds"),
    finish: Effect.suspend(() => {
      child.kill("SIGINT")
      return Effect.map(exited(child), (code) => ({ code, printed }))
    })
  }
})
