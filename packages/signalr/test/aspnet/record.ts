/**
 * Records the conversations of `support/scenarios.ts` with the real server into
 * `test/traces`. Run it by hand when a new version of ASP.NET Core is out:
 * `node test/aspnet/record.ts`.
 */
import * as Effect from "effect/Effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { aspNet } from "../support/aspnet.ts"
import { converse, scenarios } from "../support/scenarios.ts"

const traces = join(import.meta.dirname, "..", "traces")

const record = Effect.gen(function*() {
  const server = yield* aspNet
  mkdirSync(traces, { recursive: true })
  for (const scenario of scenarios) {
    const lines = yield* Effect.promise(() => converse(server.url, scenario))
    writeFileSync(join(traces, `${scenario.name}.json`), `${JSON.stringify(lines, null, 2)}\n`)
  }
})

await Effect.runPromise(Effect.scoped(record))
