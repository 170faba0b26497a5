// Proves that connections of every kind appear by themselves: single ones, a manager's, a pool's, a feed's with its
// topics, and a SignalR hub's; and that the layer brings a recorder, or uses the one below it, beside other observers.
import { assert, describe, it } from "@effect/vitest"
import * as Topic from "@kharbranth/feeds/Topic"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as HubConnection from "@kharbranth/signalr/HubConnection"
import { HubServer } from "@kharbranth/signalr/testing"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as ConnectionObserver from "kharbranth/ConnectionObserver"
import * as ConnectionPool from "kharbranth/ConnectionPool"
import * as Recorder from "kharbranth/Recorder"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { collect, pass, rig as feedRig } from "../../feeds/test/support/rig.ts"
import { dialects } from "../../feeds/test/support/venues.ts"
import * as Devtools from "../src/Devtools.ts"
import { rig } from "./support/rig.ts"

const target = "wss://feed.example/"

describe("what appears", () => {
  it.effect("single connections, a manager's and a pool's, and the budget of that manager", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1 })
      yield* network.serve(target, TestNetwork.echo)
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        yield* Connection.make("single", { target })
        const manager = yield* ConnectionManager.make()
        yield* manager.connect("managed", { target, tags: ["prices"] })
        const pool = yield* ConnectionPool.shards(manager, "pool", { member: () => ({ target }), max: 3, maxCount: 1 })
        yield* pool.place({ id: "btc" })
        yield* pool.place({ id: "eth" })
        yield* TestClock.adjust("1 second")
        const { say, seen } = yield* look
        assert.deepStrictEqual(
          seen.rows.map(({ name, state }) => [name, state]),
          [
            ["managed", "Connected"],
            ["pool/0", "Connected"],
            ["pool/1", "Connected"],
            ["single", "Connected"]
          ]
        )
        say({ t: "budget", on: true })
        assert.deepStrictEqual(
          seen.last("budget")?.keys.map(({ key }) => key),
          ["wss://feed.example"]
        )
      }).pipe(Effect.scoped, provide, network.provide)
    })
  )

  it.effect("a feed's lines, with their topics", () =>
    Effect.gen(function* () {
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        const { feed } = yield* feedRig([dialects.bybit()])
        yield* collect(feed.entries(Topic.trades("BTCUSDT")))
        yield* pass("1 second")
        const { say, seen } = yield* look
        const [row] = seen.rows
        assert.strictEqual(row?.state, "Connected")
        say({ t: "open", id: row?.id })
        assert.deepStrictEqual(seen.last("detail")?.subscriptions, [
          { topic: "publicTrade.BTCUSDT", state: "Confirmed" }
        ])
      }).pipe(Effect.scoped, provide)
    })
  )

  it.live("a SignalR hub's connection", () =>
    Effect.gen(function* () {
      const { look, provide } = yield* rig()
      const network = Layer.merge(NodeTransport.layer, FetchHttpClient.layer)
      yield* Effect.gen(function* () {
        const server = yield* HubServer.make({ methods: { Echo: ({ args }) => Effect.succeed(args[0]) } })
        const hub = yield* HubConnection.make("calculator", { url: server.url })
        assert.strictEqual(yield* hub.untyped.invoke("Echo", [1]), 1)
        const { seen } = yield* look
        assert.deepStrictEqual(
          seen.rows.map(({ name, state }) => [name, state]),
          [["calculator", "Connected"]]
        )
      }).pipe(Effect.scoped, Effect.provide(network), provide)
    })
  )
})

describe("the layer", () => {
  const made = Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    yield* network.serve(target, TestNetwork.echo)
    yield* network.provide(Connection.make("feed", { target }))
    yield* TestClock.adjust("1 second")
    const recorder = yield* Recorder.Recorder
    return { recorder, recording: Option.getOrUndefined(yield* recorder.of("feed")) }
  })

  it.effect("brings a recorder", () =>
    Effect.gen(function* () {
      const { recording } = yield* Effect.scoped(made)
      assert.strictEqual(recording?.entries[0]?.event._tag, "DialStarted")
      assert.isUndefined(recording?.steps)
    }).pipe(Effect.provide(Devtools.layer()))
  )

  it.effect("uses the recorder below it, and observes beside others", () =>
    Effect.gen(function* () {
      const names: Array<string> = []
      const observing = ConnectionObserver.layer(({ name }) => {
        names.push(name)
        return { ended: () => {} }
      })
      const below = Layer.merge(Recorder.layer({ steps: 10 }), observing)
      const { recording } = yield* Effect.scoped(made).pipe(Effect.provide(Layer.provideMerge(Devtools.layer(), below)))
      assert.isDefined(recording?.steps)
      assert.deepStrictEqual(names, ["feed"])
    })
  )
})
