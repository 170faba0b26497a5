/**
 * Dials 200 times, ends each link in another way, and prints what the process
 * holds before and after. A process of its own, so that nothing else counts.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readdirSync } from "node:fs"
import { connect } from "./client.ts"
import { hostile } from "./process.ts"
import { serve } from "./wsServer.ts"

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

const held = () => {
  const resources: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) {
    if (name !== "Immediate") resources[name] = (resources[name] ?? 0) + 1
  }
  return { resources, descriptors: readdirSync("/proc/self/fd").length }
}

/** Lets closed handles finish: until two looks agree, 50 turns apart. */
const settled: Effect.Effect<ReturnType<typeof held>> = Effect.gen(function* () {
  let last = ""
  while (true) {
    for (let i = 0; i < 50; i++) yield* turn
    const now = held()
    if (JSON.stringify(now) === last) return now
    last = JSON.stringify(now)
  }
})

const cycle = (url: string, origin: string, n: number): Effect.Effect<unknown, unknown> => {
  switch (n % 8) {
    case 0:
      return Effect.scoped(connect(url))
    case 1:
      return Effect.scoped(
        Effect.tap(connect(url), ({ link, receiver }) => {
          link.close(1_000, "done")
          return receiver.end
        })
      )
    case 2:
      return Effect.scoped(Effect.tap(connect(url), ({ link }) => Effect.sync(() => link.terminate())))
    case 3:
      return Effect.scoped(Effect.tap(connect(`${origin}/opcode`), ({ receiver }) => receiver.end))
    case 4:
      return Effect.scoped(Effect.exit(connect(`${origin}/unauthorized`)))
    case 5:
      return Effect.scoped(Effect.exit(connect(`${origin}/endless-500`)))
    case 6:
      return Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.scoped(connect(`${origin}/hang`)), { startImmediately: true })
        for (let i = 0; i < n % 7; i++) yield* turn
        yield* Fiber.interrupt(fiber)
      })
    default:
      return Effect.scoped(Effect.exit(connect("ws://127.0.0.1:1")))
  }
}

const program = Effect.scoped(
  Effect.gen(function* () {
    const server = yield* serve()
    const origin = yield* hostile
    for (let n = 0; n < 8; n++) yield* cycle(server.url, origin, n)
    const before = yield* settled
    const dials = 200
    for (let n = 0; n < dials; n++) yield* cycle(server.url, origin, n)
    const after = yield* settled
    process.stdout.write(JSON.stringify({ before, after, dials }))
  })
)

await Effect.runPromise(program)
process.exit(0)
