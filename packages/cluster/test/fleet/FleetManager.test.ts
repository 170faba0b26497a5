/**
 * Proves that the `ConnectionManager` of a fleet reaches every name from every
 * process: its verbs by name are done once, at the owner; a configuration becomes
 * names of the fleet; what was opened with code stays where it is; and what cannot
 * travel or be reached is refused with what to do instead.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as ManagerCommand from "kharbranth/ManagerCommand"
import * as Outbox from "kharbranth/Outbox"
import type * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetKind from "../../src/FleetKind.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"

const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({}),
  codec: Codec.text,
  open: (_, { name }) => ({ target: `wss://feed.example/${name}` })
})

const names = ["a", "b", "c", "d"]

interface Parts {
  readonly fleet: TestFleet.TestFleet
  readonly server: TestNetwork.Server
  readonly heard: ReadonlyArray<string>
  /** The process that owns a name. */
  readonly ownerOf: (name: string) => Effect.Effect<TestFleet.TestRunner, unknown>
  /** Runs at a process that does not own it. */
  readonly far: <A, E>(
    name: string,
    use: (manager: ConnectionManager.Manager, runner: TestFleet.TestRunner) => Effect.Effect<A, E>
  ) => Effect.Effect<A, unknown>
}

const story = (tell: (parts: Parts) => Effect.Effect<void, unknown, Scope.Scope>) => async () => {
  const heard: Array<string> = []
  const program = Effect.gen(function* () {
    const fleet = yield* TestFleet.make({ kinds: [Ticker], runners: 3, lease: { ttl: "10 seconds" } })
    const server = yield* fleet.network.serve("wss://feed.example/", (peer) =>
      peer.listen({ frame: (frame) => void heard.push(String(frame)) })
    )
    const [first] = yield* fleet.runners
    for (const name of names) yield* first!.fleet.ensure(Ticker, name, {}, { tags: name < "c" ? ["early"] : [] })
    yield* Effect.sleep("10 seconds")
    const ownerOf = (name: string) =>
      Effect.gen(function* () {
        const lease = yield* first!.fleet.owner(name)
        const owner = (yield* fleet.runners).find((runner) => runner.fleet.holder === lease?.holder)
        return owner ?? (yield* Effect.fail("nobody owns it"))
      })
    const far: Parts["far"] = (name, use) =>
      Effect.gen(function* () {
        const owner = yield* ownerOf(name)
        const other = (yield* fleet.runners).find((runner) => runner !== owner)!
        return yield* other.process.provide(use(other.manager, other))
      })
    yield* tell({ fleet, server, heard, ownerOf, far })
  })
  const exit = await VirtualTime.run(Effect.scoped(program))
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
}

const tagOf = (error: unknown) => (error as { readonly _tag: string })._tag

describe("the manager of a fleet", () => {
  it(
    "restarts, rotates and commands by name, at the owner, once",
    story(({ far, heard, server }) =>
      Effect.gen(function* () {
        const dials = Effect.map(server.dials, (all) => all.length)
        assert.strictEqual(yield* dials, 4)
        yield* far("a", (manager) => manager.restart("a"))
        assert.strictEqual(yield* dials, 5)
        yield* far("a", (manager) => manager.rotate("a", { reason: "why not" }))
        assert.strictEqual(yield* dials, 6)
        yield* far("a", (manager) => manager.send("a", "by name"))
        yield* far("b", (manager) => manager.send(ConnectionManager.key("b", Codec.text), "by key"))
        yield* Effect.sleep(10)
        assert.deepStrictEqual(heard, ["by name", "by key"])
        const outcomes = yield* far("a", (manager) => manager.broadcast(ManagerCommand.restart(), { tag: "early" }))
        assert.sameDeepMembers(
          [...outcomes],
          [
            { name: "a", error: undefined },
            { name: "b", error: undefined }
          ]
        )
        assert.strictEqual(yield* dials, 8)
      })
    )
  )

  it(
    "shows every name from every process",
    story(({ fleet }) =>
      Effect.gen(function* () {
        for (const { manager, process } of yield* fleet.runners) {
          assert.sameMembers([...(yield* process.provide(manager.names))], names)
          const shown = yield* process.provide(manager.snapshot)
          assert.sameMembers(
            shown.map(({ name, stateTag }) => `${name} ${stateTag}`),
            names.map((name) => `${name} Connected`)
          )
          assert.isTrue(manager.has("a"))
          assert.isFalse(manager.has("z"))
        }
      })
    )
  )

  it(
    "pauses and resumes for the next owner too, and closes by release",
    story(({ far, fleet, ownerOf, server }) =>
      Effect.gen(function* () {
        const open = Effect.map(server.connections, (all) => all.map(({ request }) => request.url.slice(-1)).toSorted())
        yield* far("a", (manager) => manager.pause("a"))
        yield* Effect.sleep("3 seconds")
        assert.deepStrictEqual(yield* open, ["b", "c", "d"])
        yield* Effect.flatMap(ownerOf("a"), ({ leave }) => leave)
        yield* Effect.sleep("5 seconds")
        assert.deepStrictEqual(yield* open, ["b", "c", "d"])
        const [any] = yield* fleet.runners
        yield* any!.process.provide(any!.manager.resume({ tag: "early" }))
        yield* any!.process.provide(any!.manager.awaitReady("a"))
        assert.deepStrictEqual(yield* open, names)
        yield* any!.process.provide(any!.manager.close("a"))
        yield* any!.process.provide(any!.manager.closeAll(["b", "c"]))
        yield* Effect.sleep("3 seconds")
        assert.deepStrictEqual(yield* open, ["d"])
      })
    )
  )

  it(
    "a configuration becomes names of the fleet, from any process and however often it is declared",
    story(({ fleet, server }) =>
      Effect.gen(function* () {
        const declared = { connections: { x: { url: "wss://feed.example/x", codec: "json", tags: ["declared"] } } }
        for (const { manager, process } of yield* fleet.runners) yield* process.provide(manager.declare(declared))
        yield* Effect.sleep("3 seconds")
        const open = (yield* server.connections).filter(({ request }) => request.url.endsWith("/x"))
        assert.lengthOf(open, 1)
        const [any] = yield* fleet.runners
        const outcomes = yield* any!.process.provide(any!.manager.broadcast({ _tag: "Probe" }, { tag: "declared" }))
        assert.deepStrictEqual(outcomes, [{ name: "x", error: undefined }])
        const wrong = any!.manager.declare({ connections: { y: { url: "not a url" } } })
        assert.strictEqual(tagOf(yield* Effect.flip(any!.process.provide(wrong))), "InvalidOptions")
      })
    )
  )

  it(
    "what is opened with code stays here, and is gone with its process",
    story(({ fleet, server }) =>
      Effect.gen(function* () {
        const [one, other] = yield* fleet.runners
        const own = yield* one!.process.provide(one!.manager.connect("own", { target: "wss://feed.example/own" }))
        yield* one!.process.provide(own.awaitReady)
        assert.isTrue(one!.manager.has("own"))
        assert.isFalse(other!.manager.has("own"))
        yield* one!.process.provide(one!.manager.restart("own"))
        const taken = one!.manager.connect("a", { target: "wss://feed.example/a" })
        assert.strictEqual(tagOf(yield* Effect.flip(one!.process.provide(taken))), "ConnectionExists")
        assert.include(
          (yield* one!.process.provide(one!.manager.snapshot)).map(({ name }) => name),
          "own"
        )
        yield* one!.leave
        yield* Effect.sleep("3 seconds")
        assert.sameMembers(
          (yield* server.connections).map(({ request }) => request.url.split("/").at(-1)),
          names
        )
      })
    )
  )

  it(
    "refuses what cannot travel, and says what to do instead",
    story(({ far }) =>
      Effect.gen(function* () {
        const refused = (use: (manager: ConnectionManager.Manager) => Effect.Effect<unknown, unknown>) =>
          Effect.map(Effect.flip(far("a", use)), (error) => [tagOf(error), String(error)] as const)
        for (const [use, advice] of [
          [(manager: ConnectionManager.Manager) => manager.pause(() => true), "give names, or a tag"],
          [(manager: ConnectionManager.Manager) => manager.update("a", (policies) => policies), "Fleet.ensure"],
          [
            (manager: ConnectionManager.Manager) => manager.send("a", "x", { replay: Outbox.ifUnknown }),
            "from the kind's `consume`"
          ],
          [
            (manager: ConnectionManager.Manager) => manager.send(ConnectionManager.key("a", Codec.json), "x"),
            "use the codec of its kind"
          ]
        ] as const) {
          const [tag, message] = yield* refused(use)
          assert.strictEqual(tag, "InvalidOptions")
          assert.include(message, advice)
        }
        const [unknown] = yield* refused((manager) => manager.restart("nobody"))
        assert.strictEqual(unknown, "ConnectionNotFound")
      })
    )
  )

  it(
    "says what failed at the owner, and that an owner cannot be reached",
    story(({ far, fleet, ownerOf, server }) =>
      Effect.gen(function* () {
        const owner = yield* ownerOf("a")
        yield* server.stop
        yield* Effect.sleep("1 second")
        const down = yield* Effect.flip(far("a", (manager) => manager.send("a", "x", { whenDown: "fail" })))
        assert.deepInclude(down, { _tag: "OwnerFailed", tag: "NotConnected" })
        const other = (yield* fleet.runners).find((runner) => runner !== owner)!
        yield* owner.kill
        const before = yield* Clock.currentTimeMillis
        const lost = yield* Effect.flip(other.process.provide(other.manager.send("a", "x")))
        assert.deepInclude(lost, { _tag: "Unreachable", connection: "a" })
        assert.isAtMost((yield* Clock.currentTimeMillis) - before, 6_000)
      })
    )
  )

  it(
    "a queue of commands reaches the fleet too",
    story(({ far, server }) =>
      Effect.gen(function* () {
        yield* far("a", (manager) =>
          Stream.run(Stream.make({ command: ManagerCommand.restart(), where: "a" } as const), manager.control)
        )
        yield* Effect.sleep("1 second")
        assert.lengthOf(yield* server.dials, 5)
      })
    )
  )
})
