/** One process of the fleet, as a user's would be. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
import { Fleet } from "@kharbranth/cluster/Fleet"
import * as FleetKind from "@kharbranth/cluster/FleetKind"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as NodeFleet from "../../src/NodeFleet.ts"
import { answering } from "./ipc.ts"
import type { RunnerConfig, RunnerStats } from "./rig.ts"

const config = JSON.parse(process.argv[2] ?? "{}") as RunnerConfig
const tooOld = 2_000

const stats = { delivered: 0, staleDelivered: 0, gaps: 0, cpu: 0, memory: 0 }

const Feed = FleetKind.make("feed", {
  params: Schema.Struct({}),
  codec: Codec.json,
  open: (_, { lease, name }) => ({
    target: `ws://127.0.0.1:${config.feed}/${name}?epoch=${lease.epoch}&holder=${config.name}`,
    budget: ["feed"]
  }),
  consume: ({ connection, entries }) => {
    const writes = Effect.forever(
      Effect.andThen(Effect.sleep("500 millis"), Effect.ignore(connection.send("beat", { whenDown: "drop" })))
    )
    const reads = Stream.runForEachArray(entries, (all) =>
      Effect.sync(() => {
        for (const entry of all) {
          if (entry._tag === "Gap") stats.gaps++
          if (entry._tag !== "Message") continue
          stats.delivered++
          if (Date.now() - (entry.message as { readonly at: number }).at > tooOld) stats.staleDelivered++
        }
      })
    )
    return Effect.race(reads, writes)
  }
})

const runner = ClusterManager.layer({
  kinds: [Feed],
  lease: { ttl: config.ttl, settle: "2 seconds" },
  budget: config.limit === undefined ? undefined : { fleet: { feed: config.limit } }
}).pipe(
  Layer.provide([NodeTransport.layer, NodeFleet.layer(config.fleet)]),
  Layer.provide(PgClient.layer({ url: Redacted.make(config.database), connectTimeout: "2 seconds", maxConnections: 5 }))
)

const block = (millis: number): void => {
  const until = Date.now() + millis
  while (Date.now() < until);
}

const program = Effect.gen(function* () {
  const fleet = yield* Fleet
  // No scenario needs it, but it helps when you read the log of one that failed.
  yield* Effect.forkScoped(
    Stream.runForEach(fleet.events, (event) =>
      event._tag === "Lost" || event._tag === "StoreTrouble" ? Effect.logWarning(event._tag, event) : Effect.void
    )
  )
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  answering({
    ready: () => true,
    stats: (): RunnerStats => {
      const { system, user } = process.cpuUsage()
      return { ...stats, holder: fleet.holder, cpu: (system + user) / 1000, memory: process.memoryUsage.rss() }
    },
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
