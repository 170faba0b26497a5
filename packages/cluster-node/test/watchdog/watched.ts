/**
 * A process with a watchdog whose leases last for as long as its parent says: a
 * line on its input gives their milliseconds, `none` says that it holds none, and
 * `block` blocks its event loop.
 */
import { Watchdog } from "@kharbranth/cluster/Watchdog"
import * as Effect from "effect/Effect"
import { createInterface } from "node:readline"
import * as ProcessWatchdog from "../../src/ProcessWatchdog.ts"

const layer = process.argv[2] === "thread" ? ProcessWatchdog.layerThread : ProcessWatchdog.layerProcess

let end: number | undefined

const program = Effect.gen(function* () {
  const { watch } = yield* Watchdog
  yield* watch({
    left: () => (end === undefined ? undefined : end - performance.now()),
    grace: 100
  })
  createInterface(process.stdin).on("line", (line) => {
    if (line === "block") for (;;);
    end = line === "none" ? undefined : performance.now() + Number(line)
    // The watchdog looks ten times a second.
    setTimeout(() => process.stdout.write(`${line}\n`), 500)
  })
  process.stdin.on("end", () => process.exit())
  process.stdout.write("ready\n")
  return yield* Effect.never
})

void Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(layer)))
