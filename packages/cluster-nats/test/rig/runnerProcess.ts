/** One process of a fleet that publishes on the bus, as a user's would be. It prints `joined` when it is there. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
import { Fleet } from "@kharbranth/cluster/Fleet"
import * as NodeFleet from "@kharbranth/cluster-node/NodeFleet"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as NatsBus from "../../src/NatsBus.ts"
import { type Config, feedOf } from "./feed.ts"

const config = JSON.parse(process.argv[2] ?? "{}") as Config
const Feed = feedOf(config.feed)

const bus = NatsBus.layer({ connect: { servers: config.nats } })

const runner = ClusterManager.layer({ kinds: [Feed], lease: { ttl: "5 seconds", settle: "1 second" } }).pipe(
  Layer.provide([NodeTransport.layer, NodeFleet.layer(config.fleet), bus]),
  Layer.provide(PgClient.layer({ url: Redacted.make(config.database), maxConnections: 5 }))
)

const program = Effect.gen(function* () {
  const fleet = yield* Fleet
  for (const name of config.names) yield* fleet.ensure(Feed, name, {})
  process.stdout.write(`joined ${fleet.holder}\n`)
  return yield* Effect.never
})

// It ends with the process that started it.
process.stdin.on("end", () => process.exit()).resume()

NodeRuntime.runMain(Effect.scoped(Effect.provide(program, [runner, Logger.layer([Logger.consoleLogFmt])])))
