/**
 * Proves that the fleet stands on the real Effect Cluster: buckets are its shards,
 * a process claims those that it has, questions go to the owner of a name, and what
 * it opened is released with the layer. One process, in memory.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as TestRunner from "effect/cluster/TestRunner"
import * as Codec from "kharbranth/Codec"
import * as Inbox from "kharbranth/Inbox"
import * as ManagerCommand from "kharbranth/ManagerCommand"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Cluster from "../../src/Cluster.ts"
import * as ClusterManager from "../../src/ClusterManager.ts"
import { Fleet } from "../../src/Fleet.ts"
import * as FleetKind from "../../src/FleetKind.ts"
import * as FleetStore from "../../src/FleetStore.ts"
import type { Question } from "../../src/internal/engine/engine.ts"
import * as Sharding from "../../src/internal/engine/sharding.ts"
import * as Watchdog from "../../src/Watchdog.ts"

const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({ symbol: Schema.String }),
  codec: Codec.text,
  open: ({ symbol }) => ({ target: `wss://feed.example/${symbol}` })
})

const cluster = Layer.merge(TestRunner.layer, ShardingConfig.layer())
const names = Array.from({ length: 20 }, (_, n) => `name-${n}`)

describe("Effect Cluster", () => {
  it.live(
    "a fleet on it opens its names, commands them and lets go of them",
    () =>
      Effect.gen(function* () {
        const network = yield* TestNetwork.make()
        const server = yield* network.serve("wss://feed.example/", TestNetwork.silent)
        const store = yield* FleetStore.makeMemory
        const stored = Layer.succeed(FleetStore.FleetStore)(store)
        const context = yield* Layer.build(cluster)
        const joining = Cluster.layer(Layer.succeedContext(context))
        const clientLayer = ClusterManager.layerClient.pipe(Layer.provide([stored, joining]))
        const layer = ClusterManager.layer({ kinds: [Ticker], lease: { ttl: "1 minute", settle: 0 } }).pipe(
          Layer.provide([stored, joining, Watchdog.layerNone])
        )
        yield* Effect.gen(function* () {
          const fleet = yield* Fleet
          yield* fleet.reconcile(Ticker, new Map(names.map((name) => [name, { symbol: name }])))
          yield* Effect.forEach(names, () => server.accepted)
          const outcomes = yield* fleet.broadcast(ManagerCommand.restart(), { kind: "ticker" })
          assert.isEmpty(outcomes.filter(({ error }) => error !== undefined))
          assert.deepStrictEqual(yield* fleet.send(Ticker, "name-3", "hello"), { _tag: "Written" })
          // A client on the same cluster holds nothing, and reaches everything.
          const client = Context.get(yield* Layer.build(clientLayer), Fleet)
          assert.deepStrictEqual(yield* client.send(Ticker, "name-4", "from afar"), { _tag: "Written" })
          assert.lengthOf(yield* Stream.runCollect(client.snapshot({ kind: "ticker" })), names.length)
          const reading = yield* Effect.forkChild(
            client.entries(Ticker, "name-5").pipe(
              Stream.filter(({ _tag }) => _tag === "Message"),
              Stream.take(1),
              Stream.runCollect
            )
          )
          const saying = Effect.flatMap(server.connections, (peers) =>
            Effect.forEach(peers, (peer) => peer.send("hello"), { discard: true })
          )
          yield* Effect.forkScoped(Effect.forever(Effect.andThen(saying, Effect.sleep(50))))
          assert.deepStrictEqual(yield* Fiber.join(reading), [Inbox.message(2, "hello")])
          const { holders, unowned } = yield* fleet.overview
          assert.deepStrictEqual([holders.length, unowned.length], [1, 0])
        }).pipe(Effect.provide(layer), network.provide)
        assert.isEmpty((yield* store.leases.all).filter(({ holder }) => holder !== undefined))
        assert.lengthOf(yield* server.connections, 0)
      }),
    90_000
  )

  it.live(
    "a question reaches the owner of a name through the cluster, as JSON",
    () =>
      Effect.gen(function* () {
        const engine = yield* Sharding.make
        const heard: Array<Question> = []
        yield* engine.serve(
          (question) =>
            Effect.sync(() => {
              heard.push(question)
              return [{ name: "a", _tag: "Done" }]
            }),
          (name) => Stream.make({ name, nothing: undefined }, [1, null])
        )
        assert.deepStrictEqual(yield* Stream.runCollect(engine.watch("b")), [{ name: "b" }, [1, null]])
        const question: Question = {
          _tag: "Command",
          id: "1",
          names: ["a"],
          command: { _tag: "Probe", reason: "why", deadlineMillis: undefined }
        }
        assert.deepStrictEqual(yield* engine.ask("a", question), [{ name: "a", _tag: "Done" }])
        assert.deepStrictEqual(heard, [
          { _tag: "Command", id: "1", names: ["a"], command: { _tag: "Probe", reason: "why" } }
        ])
        assert.isTrue(engine.owned().has(engine.bucketOf("a")))
        assert.strictEqual(engine.owned().size, 300)
      }).pipe(Effect.provide(cluster)),
    90_000
  )
})
