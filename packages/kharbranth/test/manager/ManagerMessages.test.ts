// Proves the manager's fan-in: every message once, with its name and in its
// connection's order; a busy connection evicts nothing of a quiet one, and what
// is not read waits in each connection's own inbox; connections join, leave and
// come back; and a second reader of one connection is an error, not a thief.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Codec from "../../src/Codec.ts"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import type { Named } from "../../src/ManagerEvent.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, pass, plain, rig, settle, url } from "./managerRig.ts"

const collect = (stream: Stream.Stream<Named<unknown>, unknown>) => {
  const seen: Array<string> = []
  return Effect.map(
    fork(Stream.runForEach(stream, ({ message, name }) => Effect.sync(() => seen.push(`${name} ${String(message)}`)))),
    (fiber) => ({ seen, fiber })
  )
}

describe("messages", () => {
  it.effect("20 connections of 200 messages: all of them, each once and in order", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig({
        script: (peer) => peer.send(Array.from({ length: 200 }, (_, index) => String(index)))
      })
      const names = Array.from({ length: 20 }, (_, index) => `feed ${index}`)
      for (const name of names) yield* manager.connect(name, plain)
      const { seen } = yield* collect(manager.messages())
      yield* pass("1 second")
      for (const name of names) {
        const own = seen.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1))
        assert.deepStrictEqual(
          own,
          Array.from({ length: 200 }, (_, index) => String(index)),
          name
        )
      }
    })
  )

  it.effect("keys give typed elements, and only of those connections", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig({ script: (peer) => peer.send("5") })
      const a = ConnectionManager.key("a", Codec.jsonAs<number>())
      const b = ConnectionManager.key("b", Codec.jsonAs<number>())
      for (const key of [a, b]) yield* manager.connect(key, { target: url })
      yield* manager.connect("c", plain)
      const two = yield* Stream.runCollect(Stream.take(manager.messages(a, b), 2))
      const sum = two.reduce((total, { message }) => total + message, 0)
      assert.strictEqual(sum, 10)
      assert.deepStrictEqual(two.map(({ name }) => name).toSorted(), ["a", "b"])
    })
  )

  it.effect("a reader that stands still holds each connection at its own bound and loses nothing", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig({
        script: (peer) => {
          const count = peer.request.connection === "busy" ? 2_000 : 3
          return peer.send(Array.from({ length: count }, (_, index) => `${index}`.padEnd(1_000)))
        }
      })
      for (const name of ["busy", "quiet"]) {
        yield* manager.connect(name, { ...plain, inbox: { highWaterMark: 10_000, maxStall: "1 hour" } })
      }
      const pull = yield* Stream.toPull(manager.messages())
      yield* pass("10 seconds")
      const busy = (yield* manager.snapshot).find(({ name }) => name === "busy")
      assert.isAtMost(busy?.metrics.inbox.bytes ?? Infinity, 300_000)
      const counts: Record<string, number> = { busy: 0, quiet: 0 }
      while (counts["busy"]! < 2_000 || counts["quiet"]! < 3) {
        const [batch] = [yield* pull]
        for (const { name } of batch) counts[name]!++
        yield* settle
      }
      assert.deepStrictEqual(counts, { busy: 2_000, quiet: 3 })
    })
  )

  it.effect("by tag, connections that come later join; by name, the stream ends with the last of them", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      yield* manager.connect("a", { ...plain, tags: ["x"] })
      const tagged = yield* collect(manager.messages({ tag: "x" }))
      yield* manager.connect("b", { ...plain, tags: ["x"] })
      yield* manager.connect("c", plain)
      const named = yield* collect(manager.messages(["c"]))
      for (const name of ["a", "b", "c"]) yield* manager.send(name, "hello")
      yield* settle
      assert.deepStrictEqual(tagged.seen.toSorted(), ["a hello", "b hello"])
      assert.deepStrictEqual(named.seen, ["c hello"])
      yield* manager.close("c")
      yield* Fiber.join(named.fiber)
      yield* manager.close("a")
      yield* manager.connect("a", { ...plain, tags: ["x"] })
      yield* manager.send("a", "again")
      yield* settle
      assert.include(tagged.seen, "a again")
    })
  )

  it.effect("a connection that gave up leaves the others alone, and joins again when it is revived", () =>
    Effect.gen(function* () {
      const { manager, network } = yield* rig()
      const bad = "wss://bad.example/ws"
      yield* network.serve(bad, (peer) => peer.close(1002))
      yield* manager.connect("good", plain)
      yield* manager.connect("bad", { ...plain, target: bad, startup: "background" })
      const { fiber, seen } = yield* collect(manager.messages())
      yield* pass("1 second")
      yield* manager.send("good", "1")
      yield* settle
      assert.deepStrictEqual(seen, ["good 1"])
      yield* network.serve(bad, TestNetwork.echo)
      yield* fork(manager.restart("bad"))
      yield* pass("1 minute", 250)
      yield* manager.send("bad", "2")
      yield* settle
      assert.deepStrictEqual(seen, ["good 1", "bad 2"])
      assert.isUndefined(fiber.pollUnsafe())
    })
  )

  it.effect("a fan-in that is over leaves its connections to the next reader, from the same turn on", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const connection = yield* manager.connect("a", { ...plain, codec: Codec.text })
      for (let round = 0; round < 3; round++) {
        yield* manager.send("a", `fan-in ${round}`)
        const [first] = yield* Stream.runCollect(Stream.take(manager.messages(), 1))
        assert.deepStrictEqual(first, { name: "a", message: `fan-in ${round}` })
        const next = yield* Effect.forkScoped(connection.receive, { startImmediately: true })
        yield* settle
        yield* manager.send("a", `alone ${round}`)
        yield* settle
        assert.strictEqual(yield* Fiber.join(next), `alone ${round}`)
      }
    })
  )

  it.effect("a second reader of one of them is a typed error", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const connection = yield* manager.connect("a", plain)
      yield* fork(Stream.runDrain(connection.stream))
      yield* settle
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(manager.messages())))._tag, "ReaderBusy")
    })
  )
})
