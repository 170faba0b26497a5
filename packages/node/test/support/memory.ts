/**
 * Dials the url given as argument with compression offered, waits for the end,
 * and prints the error's tag and by how many MB the process had to grow. A
 * process of its own, so that nothing else counts.
 */
import * as Effect from "effect/Effect"
import { connect, recorder } from "./client.ts"
import { serve } from "./wsServer.ts"

const url = process.argv[2] ?? ""
const options = { proxy: false, compression: true } as const

const megabytes = () => process.memoryUsage.rss() / 1_048_576

let peak = 0
const sample = () => {
  peak = Math.max(peak, megabytes())
}

const program = Effect.scoped(
  Effect.gen(function* () {
    // the first dial loads code; it must not count
    const server = yield* serve()
    yield* Effect.scoped(connect(server.url, {}, options))
    const before = megabytes()
    const sampler = setInterval(sample, 5)
    const receiver = recorder(false)
    const error = yield* Effect.scoped(Effect.flatMap(connect(url, {}, options, receiver), () => receiver.end)).pipe(
      Effect.catch(Effect.succeed)
    )
    clearInterval(sampler)
    sample()
    return `${error._tag} ${Math.round(peak - before)}\n`
  })
)

process.stdout.write(await Effect.runPromise(program), () => process.exit(0))
