// Proves the manager's promises about names: who asks for a free name gets a
// Ready connection, a taken one is refused or shared, whatever names nobody has
// fails with the name, a name is free again when its connection could not start,
// was closed mid-dial or was abandoned; and nothing is left when the manager's
// scope ends.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "../../src/Codec.ts"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as ManagerCommand from "../../src/ManagerCommand.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, pass, plain, rig, settle, url } from "./managerRig.ts"

describe("names", () => {
  it.effect("connect gives a Ready connection that get finds, send reaches and close ends", () =>
    Effect.gen(function* () {
      const { manager, network } = yield* rig()
      const connection = yield* manager.connect("feed", plain)
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
      assert.strictEqual(yield* manager.get("feed"), connection)
      assert.deepStrictEqual(yield* manager.names, ["feed"])
      assert.isTrue(manager.has("feed"))
      yield* manager.send("feed", "hello")
      assert.strictEqual(yield* connection.receive, "hello")
      yield* manager.close("feed")
      assert.deepStrictEqual(yield* manager.names, [])
      assert.isFalse(manager.has("feed"))
      assert.strictEqual(yield* network.open, 0)
      yield* manager.close("feed")
    })
  )

  it.effect("a typed key remembers its codec; another codec under the same name is refused", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const key = ConnectionManager.key("feed", Codec.jsonAs<{ readonly n: number }>())
      const connection = yield* manager.connect(key, { target: url })
      yield* manager.send(key, { n: 1 })
      assert.strictEqual((yield* connection.receive).n, 1)
      assert.strictEqual(yield* manager.get(key), connection)
      // By name, past the codec.
      yield* manager.send("feed", `{"n":2}`)
      assert.strictEqual((yield* connection.receive).n, 2)
      const error = yield* Effect.flip(manager.get(ConnectionManager.key("feed", Codec.text)))
      assert.strictEqual(error._tag, "InvalidOptions")
    })
  )

  it.effect(
    "a taken name is refused by connect and by an ensure with another codec, shared by ensure with the same",
    () =>
      Effect.gen(function* () {
        const { manager, server } = yield* rig()
        const connection = yield* manager.connect("feed", plain)
        const error = yield* Effect.flip(manager.connect("feed", plain))
        assert.strictEqual(error._tag === "ConnectionExists" && error.connection, "feed")
        assert.strictEqual((yield* Effect.flip(manager.ensure("feed", { target: url })))._tag, "ConnectionExists")
        assert.strictEqual(yield* manager.ensure("feed", plain), connection)
        assert.strictEqual((yield* server.dials).length, 1)
      })
  )

  it.effect("100 ensures of one name at once make one dial and get the same connection", () =>
    Effect.gen(function* () {
      const { manager, server } = yield* rig({ network: { latency: 10 } })
      const all = yield* fork(
        Effect.forEach(Array.from({ length: 100 }), () => manager.ensure("feed", plain), { concurrency: "unbounded" })
      )
      yield* pass("1 second")
      assert.strictEqual(new Set(yield* Fiber.join(all)).size, 1)
      assert.strictEqual((yield* server.dials).length, 1)
    })
  )

  it.effect("interrupting the first of several ensures leaves the others their connection", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig({ network: { latency: 10 } })
      const first = yield* fork(manager.ensure("feed", plain))
      const second = yield* fork(manager.ensure("feed", plain))
      yield* pass(5)
      yield* Fiber.interrupt(first)
      yield* pass("1 second")
      assert.strictEqual((yield* Fiber.join(second)).name, "feed")
    })
  )

  it.effect("whatever addresses a name that nobody has fails with that name", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const asks: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string; readonly connection?: string }>> = [
        manager.get("nobody"),
        manager.get(ConnectionManager.key("nobody")),
        manager.send("nobody", "x"),
        manager.restart("nobody"),
        manager.rotate("nobody"),
        manager.update("nobody", (policies) => policies),
        manager.pause("nobody"),
        manager.resume(["nobody"]),
        manager.awaitReady("nobody"),
        manager.broadcast(ManagerCommand.close, "nobody"),
        Stream.runDrain(manager.messages("nobody"))
      ]
      for (const ask of asks) {
        const error = yield* Effect.flip(ask)
        assert.strictEqual(error._tag, "ConnectionNotFound")
        assert.strictEqual(error.connection, "nobody")
      }
    })
  )

  it.effect("options that are not usable are refused with their path, and the name stays free", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const refused = [
        ["", plain, "name"],
        ["a", { ...plain, target: "not a url" }, "target"],
        ["a", { ...plain, tags: "x" as never }, "tags"],
        ["a", { ...plain, budget: [1] as never }, "budget"],
        ["a", { ...plain, priority: NaN }, "priority"],
        ["a", { ...plain, inbox: { highWaterMark: 0 } }, "inbox.highWaterMark"]
      ] as const
      for (const [name, options, path] of refused) {
        const error = yield* Effect.flip(manager.connect(name, options))
        assert.strictEqual(error._tag === "InvalidOptions" && error.path.join("."), path)
      }
      assert.deepStrictEqual(yield* manager.names, [])
    })
  )
})

describe("what the manager adds to a connection", () => {
  it.effect("a connection's own permit is asked before the budget", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const asked: Array<number> = []
      yield* manager.connect("feed", { ...plain, permit: ({ epoch }) => Effect.sync(() => asked.push(epoch)) })
      assert.deepStrictEqual(asked, [1])
    })
  )

  it.effect("a frame past the codec reaches neither the codec nor the user's ack functions", () =>
    Effect.gen(function* () {
      const { manager, server } = yield* rig({ script: TestNetwork.silent })
      const ids: Array<unknown> = []
      const connection = yield* manager.connect("feed", {
        target: url,
        codec: Codec.json,
        heartbeat: plain.heartbeat,
        outbox: { acks: { id: (message) => (ids.push(message), "1"), match: () => undefined } }
      })
      yield* manager.send("feed", "raw {")
      yield* connection.send({ ours: true })
      const peer = yield* server.accepted
      assert.strictEqual(yield* peer.receive, "raw {")
      assert.strictEqual(yield* peer.receive, `{"ours":true}`)
      for (const id of ids) assert.deepStrictEqual(id, { ours: true })
    })
  )
})

describe("starting", () => {
  it.effect("a connection that is not Ready in time frees its name and leaves no socket", () =>
    Effect.gen(function* () {
      const { manager, network } = yield* rig({ serve: { answer: () => Effect.succeed(TestNetwork.refuse()) } })
      const failing = yield* fork(Effect.flip(manager.connect("feed", { ...plain, startupTimeout: "5 seconds" })))
      yield* pass("6 seconds")
      const error = yield* Fiber.join(failing)
      assert.strictEqual(error._tag, "StartupTimeout")
      assert.strictEqual(error._tag === "StartupTimeout" && error.last?._tag, "DialFailed")
      yield* settle
      assert.deepStrictEqual(yield* manager.names, [])
      assert.strictEqual(yield* network.dialing, 0)
    })
  )

  it.effect("one that gives up while it starts fails connect with its error and frees the name", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig({ serve: { answer: () => Effect.succeed(TestNetwork.reject(404)) } })
      const failing = yield* fork(Effect.flip(manager.connect("feed", plain)))
      yield* pass("1 minute", 250)
      assert.include(["HandshakeRejected", "RetriesExhausted"], (yield* Fiber.join(failing))._tag)
      yield* settle
      assert.deepStrictEqual(yield* manager.names, [])
    })
  )

  it.effect("closing a name mid-dial is clean: the one who connects is told, no dial is left", () =>
    Effect.gen(function* () {
      const { manager, network } = yield* rig({ serve: { answer: () => Effect.succeed(TestNetwork.hang) } })
      const connecting = yield* fork(Effect.flip(manager.connect("feed", plain)))
      yield* settle
      assert.strictEqual(yield* network.dialing, 1)
      const closing = yield* fork(manager.close("feed"))
      yield* pass("10 seconds")
      yield* Fiber.join(closing)
      assert.strictEqual((yield* Fiber.join(connecting))._tag, "NotConnected")
      assert.strictEqual(yield* network.dialing, 0)
      assert.deepStrictEqual(yield* manager.names, [])
    })
  )

  it.effect("an interrupted connect frees the name", () =>
    Effect.gen(function* () {
      const { manager, network } = yield* rig({ serve: { answer: () => Effect.succeed(TestNetwork.hang) } })
      const connecting = yield* fork(manager.connect("feed", plain))
      yield* settle
      const interrupting = yield* fork(Fiber.interrupt(connecting))
      yield* pass("10 seconds")
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual(yield* manager.names, [])
      assert.strictEqual(yield* network.dialing, 0)
    })
  )

  it.effect("awaitReady waits for all that match", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig({ network: { latency: 10 } })
      for (const name of ["a", "b"]) yield* manager.connect(name, { ...plain, startup: "background", tags: ["x"] })
      const ready = yield* fork(manager.awaitReady({ tag: "x" }))
      yield* settle
      assert.isUndefined(ready.pollUnsafe())
      yield* pass("1 second")
      yield* Fiber.join(ready)
      yield* manager.awaitReady()
    })
  )
})

describe("the end", () => {
  it.effect("closing the manager's scope closes all, ends its streams, and lets nobody in", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url, TestNetwork.echo)
      const scope = yield* Scope.make()
      const manager = yield* ConnectionManager.make().pipe(network.provide, Scope.provide(scope))
      for (let i = 0; i < 50; i++) yield* manager.connect(`feed ${i}`, plain)
      const streams = yield* Effect.forEach(
        [manager.changes, manager.events, manager.messages(() => true)] as ReadonlyArray<
          Stream.Stream<unknown, unknown>
        >,
        (stream) => fork(Stream.runDrain(stream))
      )
      yield* settle
      const closing = yield* fork(Scope.close(scope, Exit.void))
      yield* pass("6 seconds")
      yield* Fiber.join(closing)
      assert.strictEqual(yield* network.open, 0)
      assert.deepStrictEqual(yield* manager.names, [])
      for (const stream of streams) yield* Fiber.join(stream)
      assert.strictEqual((yield* Effect.flip(manager.connect("late", plain)))._tag, "NotConnected")
    })
  )

  it.effect("a layer gives the service", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url, TestNetwork.echo)
      const program = Effect.gen(function* () {
        const manager = yield* ConnectionManager.ConnectionManager
        yield* manager.connect("feed", { ...plain, reconnect: Reconnect.polite })
        return yield* manager.names
      })
      const layer = ConnectionManager.layer().pipe(Layer.provide(network.layer))
      assert.deepStrictEqual(yield* program.pipe(Effect.provide(layer)), ["feed"])
      yield* settle
      assert.strictEqual(yield* network.open, 0)
    })
  )
})
