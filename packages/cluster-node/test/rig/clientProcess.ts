/** A process that holds no name, as a command line or a dashboard would be. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
import { Fleet, type Where } from "@kharbranth/cluster/Fleet"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as ManagerCommand from "kharbranth/ManagerCommand"
import * as NodeFleet from "../../src/NodeFleet.ts"
import { Ears, feedKind } from "./feedKind.ts"
import { answering } from "./ipc.ts"
import type { ClientConfig, SeenEntry } from "./rig.ts"

const config = JSON.parse(process.argv[2] ?? "{}") as ClientConfig

const Feed = feedKind({ port: 0, holder: "" }, new Ears(Infinity), () => {})

const client = ClusterManager.layerClient.pipe(
  Layer.provide(NodeFleet.layerClient({ shards: config.shards })),
  Layer.provide(PgClient.layer({ url: Redacted.make(config.database), connectTimeout: "2 seconds", maxConnections: 3 }))
)

const program = Effect.gen(function* () {
  const fleet = yield* Fleet
  const context = yield* Effect.context<never>()
  const run = Effect.runPromiseWith(context)
  const watched = new Map<string, Array<SeenEntry>>()
  const watch = (name: string) => {
    const seen: Array<SeenEntry> = []
    watched.set(name, seen)
    const entries = Stream.runForEach(fleet.entries(Feed, name), (entry) =>
      Effect.sync(() => {
        if (entry._tag === "Message") seen.push({ tag: "Message", message: entry.message })
        else if (entry._tag === "Gap") seen.push({ tag: "Gap", cause: entry.cause._tag })
        else seen.push({ tag: entry._tag })
      })
    )
    // Its end is what is seen last.
    const end = Effect.matchEager(entries, {
      onFailure: ({ _tag }) => void seen.push({ tag: "Failed", cause: _tag }),
      onSuccess: () => void seen.push({ tag: "Ended" })
    })
    Effect.runForkWith(context)(end)
  }
  answering({
    ready: () => fleet.holder,
    ensure: (name: string) => run(fleet.ensure(Feed, name, {})),
    release: (name: string) => run(fleet.release(name)),
    send: ({ message, name }: { readonly name: string; readonly message: unknown }) =>
      run(
        Effect.matchEager(fleet.send(Feed, name, message), {
          onFailure: ({ _tag }) => ({ _tag }),
          onSuccess: (sent) => sent
        })
      ),
    owner: (name: string) => run(fleet.owner(name)),
    overview: () => run(fleet.overview),
    probe: (where: Where) => run(fleet.broadcast(ManagerCommand.probe(), where)),
    watch,
    seen: (name: string) => watched.get(name) ?? []
  })
  return yield* Effect.never
}).pipe(Effect.provide(client))

NodeRuntime.runMain(Effect.scoped(program))
