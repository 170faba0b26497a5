/** One process of the fleet, as a user's would be. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
import { Fleet } from "@kharbranth/cluster/Fleet"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as NodeFleet from "../../src/NodeFleet.ts"
import { Ears, feedKind } from "./feedKind.ts"
import { answering, notice } from "./ipc.ts"
import type { RunnerConfig, RunnerStats } from "./rig.ts"

const config = JSON.parse(process.argv[2] ?? "{}") as RunnerConfig
const ears = new Ears(2_000)

const { feed: port, handover, isQuiet, limit, name: holder } = config
const Feed = feedKind({ port, holder, handover, isQuiet }, ears, (heard) => notice("heard", heard))

const alone = ClusterManager.layerLocal({
  kinds: [Feed],
  budget: limit === undefined ? undefined : { local: { keys: { feed: { limits: limit } } } }
}).pipe(Layer.provide(NodeTransport.layer))

const oneOfMany = ClusterManager.layer({
  kinds: [Feed],
  lease: { ttl: config.ttl, settle: "2 seconds" },
  budget: limit === undefined ? undefined : { fleet: { feed: limit } }
}).pipe(
  Layer.provide([NodeTransport.layer, NodeFleet.layer(config.fleet)]),
  Layer.provide(PgClient.layer({ url: Redacted.make(config.database), connectTimeout: "2 seconds", maxConnections: 5 }))
)

const runner = config.isAlone ? alone : oneOfMany

const block = (millis: number): void => {
  const until = Date.now() + millis
  while (Date.now() < until);
}

const program = Effect.gen(function* () {
  const fleet = yield* Fleet
  yield* Effect.forkScoped(
    Stream.runForEach(fleet.events, (event) => {
      if (event._tag === "Overlapping") notice("overlapping", event.names)
      // No scenario needs it, but it helps when you read the log of one that failed.
      return event._tag === "Lost" || event._tag === "StoreTrouble" ? Effect.logWarning(event._tag, event) : Effect.void
    })
  )
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  answering({
    ready: () => true,
    stats: (): RunnerStats => {
      const { system, user } = process.cpuUsage()
      const { delivered, gaps, staleDelivered } = ears
      const used = { cpu: (system + user) / 1000, memory: process.memoryUsage.rss() }
      return { delivered, gaps, staleDelivered, holder: fleet.holder, ...used }
    },
    heard: () => [...ears.open],
    want: (names: ReadonlyArray<string>) =>
      run(Effect.asVoid(fleet.reconcile(Feed, new Map(names.map((name) => [name, {}]))))),
    block: (millis: number) => {
      setImmediate(block, millis)
    }
  })
  return yield* Effect.never
}).pipe(Effect.provide(runner))

const quiet = Layer.merge(Logger.layer([Logger.consoleLogFmt]), Layer.succeed(References.MinimumLogLevel)("Warn"))

NodeRuntime.runMain(Effect.scoped(program).pipe(Effect.provide(quiet)))
