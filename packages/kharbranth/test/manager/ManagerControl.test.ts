// Proves the manager's control channel: addresses by name, names, tag and
// function mean whom they say, commands reach those and no others, what fails at
// one connection is its own outcome, and a queue or a sink of commands does the
// same as a broadcast.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Heartbeat from "../../src/Heartbeat.ts"
import * as Connection from "../../src/Connection.ts"
import * as ManagerCommand from "../../src/ManagerCommand.ts"
import type { ManagerEvent } from "../../src/ManagerEvent.ts"
import { fork, pass, plain, rig, settle } from "./managerRig.ts"

describe("many at once", () => {
  const three = Effect.gen(function* () {
    const parts = yield* rig()
    for (const [name, tags] of [
      ["a", ["x"]],
      ["b", ["x", "y"]],
      ["c", []]
    ] as const) {
      yield* parts.manager.connect(name, { ...plain, tags })
    }
    return parts
  })

  it.effect("addresses: by name, names, tag and function; a function that throws matches nothing", () =>
    Effect.gen(function* () {
      const { manager } = yield* three
      const names = (where?: ManagerCommand.Where) =>
        Effect.map(manager.broadcast(ManagerCommand.send("x"), where), (all) => all.map(({ name }) => name).toSorted())
      assert.deepStrictEqual(yield* names(), ["a", "b", "c"])
      assert.deepStrictEqual(yield* names("b"), ["b"])
      assert.deepStrictEqual(yield* names(["a", "c"]), ["a", "c"])
      assert.deepStrictEqual(yield* names({ tag: "x" }), ["a", "b"])
      assert.deepStrictEqual(yield* names(({ state, tags }) => state._tag === "Connected" && tags.length === 0), ["c"])
      assert.deepStrictEqual(
        yield* names(() => {
          throw new Error("no")
        }),
        []
      )
      assert.deepStrictEqual(yield* names({ tag: "nobody" }), [])
    })
  )

  it.effect("what fails at one connection is its own outcome", () =>
    Effect.gen(function* () {
      const { manager } = yield* three
      yield* manager.pause("b")
      yield* settle
      const outcomes = yield* manager.broadcast(ManagerCommand.send("x", { whenDown: "fail" }))
      const failed = outcomes.filter(({ error }) => error !== undefined)
      assert.deepStrictEqual(
        failed.map(({ error, name }) => [name, error?._tag]),
        [["b", "NotConnected"]]
      )
    })
  )

  it.effect("pause, resume, restart and close reach those that are meant", () =>
    Effect.gen(function* () {
      const { manager, network, server } = yield* three
      yield* manager.pause({ tag: "x" })
      yield* settle
      assert.strictEqual(yield* network.open, 1)
      yield* manager.resume({ tag: "x" })
      yield* settle
      assert.strictEqual(yield* network.open, 3)
      const before = (yield* server.dials).length
      const restarting = yield* fork(manager.broadcast(ManagerCommand.restart({ reason: "gone bad" }), { tag: "x" }))
      yield* pass("1 second")
      assert.deepStrictEqual(
        (yield* Fiber.join(restarting)).map(({ error }) => error),
        [undefined, undefined]
      )
      assert.strictEqual((yield* server.dials).length, before + 2)
      yield* manager.closeAll({ tag: "y" })
      assert.deepStrictEqual((yield* manager.names).toSorted(), ["a", "c"])
      yield* manager.closeAll()
      assert.deepStrictEqual(yield* manager.names, [])
      assert.strictEqual(yield* network.open, 0)
    })
  )

  it.effect("rotate, probe and drain reach those that are meant, through a queue too", () =>
    Effect.gen(function* () {
      const { manager, network, server } = yield* three
      yield* manager.connect("strict", { ...plain, rotate: { mode: "breakFirst" } })
      const events: Array<unknown> = []
      yield* fork(
        Stream.runForEach(manager.events, (event) =>
          Effect.sync(() => {
            if (event._tag === "CommandFailed") events.push([event.name, event.command])
            if (event._tag !== "Happened") return
            const { event: it } = event
            if (it._tag === "RestartRequested") events.push([event.name, it.mode, it.reason])
            if (it._tag === "Suspected") events.push([event.name, it.reason])
          })
        )
      )
      yield* settle
      const tell = (command: ManagerCommand.Command, where: ManagerCommand.Where) =>
        Effect.andThen(Queue.offer(manager.commands, { command, where }), settle)
      yield* tell(ManagerCommand.rotate(), "a")
      yield* tell(ManagerCommand.rotate({ reason: "deploy" }), "strict")
      yield* pass("1 second")
      assert.deepStrictEqual(events.splice(0), [
        ["a", "makeFirst", "asked for"],
        ["strict", "breakFirst", "deploy"]
      ])
      assert.strictEqual((yield* server.dials).length, 6)

      yield* manager.connect("watched", { ...plain, heartbeat: Heartbeat.ping({ every: "1 hour" }) })
      yield* tell(ManagerCommand.probe({ reason: "network changed" }), "watched")
      yield* tell(ManagerCommand.probe(), "watched")
      assert.deepStrictEqual(events.splice(0), [
        ["watched", "network changed"],
        ["watched", "asked for"]
      ])

      const before = yield* network.open
      yield* tell(ManagerCommand.drain({ deadline: "10 seconds" }), ["a", "b"])
      yield* pass("1 second")
      assert.deepStrictEqual((yield* manager.names).toSorted(), ["c", "strict", "watched"])
      assert.strictEqual(yield* network.open, before - 2)
      yield* tell(ManagerCommand.drain(), "a")
      assert.deepStrictEqual(events, [["a", "Drain"]])
    })
  )

  it.effect("drain waits for what is not confirmed, as long as it is told, and frees the name in any case", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const options = { ...plain, outbox: { acks: { id: (text: string) => text, match: () => undefined } } }
      const connection = yield* manager.connect("a", options)
      const delivery = yield* Connection.track(connection, "never acknowledged")
      const draining = yield* fork(manager.broadcast(ManagerCommand.drain({ deadline: "10 seconds" }), "a"))
      yield* pass("9 seconds")
      assert.strictEqual((yield* Effect.flip(connection.send("more")))._tag, "NotConnected")
      assert.isTrue(manager.has("a"))
      yield* pass("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(draining), [{ name: "a", error: undefined }])
      assert.isFalse(manager.has("a"))
      assert.deepStrictEqual(yield* delivery, { _tag: "Confirmed", by: "close" })
    })
  )

  it.effect("a queue and a sink do the same; what does not work is an event with the name", () =>
    Effect.gen(function* () {
      const { manager, network } = yield* three
      const failed: Array<ManagerEvent> = []
      yield* fork(
        Stream.runForEach(manager.events, (event) =>
          Effect.sync(() => {
            if (event._tag === "CommandFailed") failed.push(event)
          })
        )
      )
      yield* settle
      yield* Queue.offer(manager.commands, { command: ManagerCommand.pause, where: "a" })
      yield* settle
      assert.strictEqual(yield* network.open, 2)
      const commands: ReadonlyArray<ManagerCommand.Addressed> = [
        { command: ManagerCommand.resume, where: "a" },
        { command: ManagerCommand.close, where: "nobody" },
        { nonsense: true } as never,
        { command: ManagerCommand.close, where: "c" }
      ]
      yield* Stream.run(Stream.fromIterable(commands), manager.control)
      yield* settle
      assert.deepStrictEqual((yield* manager.names).toSorted(), ["a", "b"])
      assert.strictEqual(yield* network.open, 2)
      assert.deepStrictEqual(
        failed.map((event) => [event.name, event._tag]),
        [["nobody", "CommandFailed"]]
      )
    })
  )
})
