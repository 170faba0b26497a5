// Proves the pools on a network: shards keep every member under its caps, open
// members only when all are full, move the items of a dead member and nobody
// else's, and stay usable when members cannot be opened; a redundant pool sends
// by every line that is up. That it delivers every message once while lines die
// is PoolRedundant.test.ts.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ConnectionPool from "../../src/ConnectionPool.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, pass, plain, rig, settle, url } from "../manager/managerRig.ts"
import { histories } from "./poolModel.ts"

const item = (id: string, size?: number) => ({ id, size })

describe("shards", () => {
  it.effect("fills the least loaded, opens a member when all are full, refuses when no more may be opened", () =>
    Effect.gen(function* () {
      const { manager, network } = yield* rig()
      const pool = yield* ConnectionPool.shards(manager, "md", { member: () => plain, min: 2, max: 3, maxCount: 2 })
      const carriers: Array<string> = []
      for (let index = 0; index < 6; index++) carriers.push((yield* pool.place(item(`i${index}`))).name)
      assert.deepStrictEqual(carriers, ["md/0", "md/1", "md/0", "md/1", "md/2", "md/2"])
      const error = yield* Effect.flip(pool.place(item("i6")))
      assert.strictEqual(error._tag === "PoolFull" && error.item, "i6")
      assert.strictEqual((yield* pool.place(item("i0"))).name, "md/0")
      yield* pool.release("i1")
      assert.strictEqual((yield* pool.place(item("i6"))).name, "md/1")
      yield* settle
      assert.strictEqual(yield* network.open, 3)
      assert.deepStrictEqual(
        (yield* pool.members).map(({ count, stateTag }) => [count, stateTag]),
        [
          [2, "Connected"],
          [2, "Connected"],
          [2, "Connected"]
        ]
      )
    })
  )

  it.effect("a cap by size: an item too large for any member is refused at once", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const pool = yield* ConnectionPool.shards(manager, "md", { member: () => plain, max: 2, maxSize: 10 })
      assert.strictEqual((yield* pool.place(item("a", 7))).name, "md/0")
      assert.strictEqual((yield* pool.place(item("b", 7))).name, "md/1")
      assert.strictEqual((yield* pool.place(item("c", 3))).name, "md/0")
      assert.strictEqual((yield* Effect.flip(pool.place(item("d", 11))))._tag, "PoolFull")
      assert.deepStrictEqual(
        (yield* pool.members).map(({ size }) => size),
        [10, 7]
      )
    })
  )

  it.effect("the items of a member that dies move, the others stay, and what finds no room gets a new member", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const moves: Array<string> = []
      const pool = yield* ConnectionPool.shards(manager, "md", {
        member: () => plain,
        min: 3,
        max: 4,
        maxCount: 2,
        onMoved: ({ from, items, to }) => Effect.sync(() => moves.push(`${items.join("+")} ${from} -> ${to?.name}`))
      })
      for (const id of ["a", "b", "c", "d", "e"]) yield* pool.place(item(id))
      yield* settle
      // a d | b e | c
      yield* manager.close("md/0")
      yield* settle
      assert.deepStrictEqual(moves, ["a md/0 -> md/2", "d md/0 -> undefined", "d undefined -> md/3"])
      assert.strictEqual(pool.find("b")?.name, "md/1")
      assert.strictEqual(pool.find("d")?.name, "md/3")
      assert.strictEqual(yield* pool.waiting, 0)
      yield* pool.send("d", "hello")
      const first = yield* Stream.runHead(pool.messages)
      assert.deepStrictEqual(first._tag === "Some" && first.value, { name: "md/3", message: "hello" })
    })
  )

  it.effect("an onMoved that never ends, or fails, holds nobody", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const heard: Array<string> = []
      const pool = yield* ConnectionPool.shards(manager, "md", {
        member: () => plain,
        maxCount: 2,
        onMoved: ({ items, to }) => {
          heard.push(`${items.join("+")} -> ${to?.name}`)
          return to === undefined ? Effect.fail("no") : Effect.never
        }
      })
      for (const id of ["a", "b"]) yield* pool.place(item(id))
      for (const name of ["md/0", "md/1"]) {
        yield* settle
        yield* manager.close(name)
        yield* pass("2 seconds")
      }
      assert.deepStrictEqual([pool.find("a")?.name, pool.find("b")?.name], ["md/2", "md/2"])
      yield* pool.release("a")
      yield* pool.place(item("c"))
      assert.deepStrictEqual(heard, ["a+b -> undefined", "a+b -> md/1"])
    })
  )

  it.effect("a member that dies before anybody else has had a turn is noticed", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const pool = yield* ConnectionPool.shards(manager, "md", { member: () => plain })
      const { name } = yield* pool.place(item("a"))
      yield* manager.close(name)
      yield* pass("2 seconds")
      assert.deepStrictEqual([pool.find("a")?.name, yield* pool.waiting], ["md/1", 0])
    })
  )

  it.effect("members that die before they work are replaced ever more slowly", () =>
    Effect.gen(function* () {
      const { manager, server } = yield* rig({ serve: { answer: () => Effect.succeed(TestNetwork.reject(404)) } })
      const pool = yield* ConnectionPool.shards(manager, "md", { member: () => plain })
      yield* pass("2 minutes")
      assert.isAtLeast((yield* server.dials).length, 4)
      assert.isAtMost((yield* server.dials).length, 10)
      assert.strictEqual((yield* Effect.flip(pool.send("x", "y")))._tag, "NotConnected")
    })
  )

  it.effect("the end of its scope closes its members, ends its messages and leaves the manager's others", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      yield* manager.connect("other", plain)
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(ConnectionPool.shards(manager, "md", { member: () => plain, min: 3 }), scope)
      const reading = yield* fork(Stream.runDrain(pool.messages))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      yield* settle
      assert.deepStrictEqual(yield* manager.names, ["other"])
      yield* Fiber.join(reading)
    })
  )

  it.effect("options that are not usable are refused with their path", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      for (const [options, path] of [
        [{ min: -1 }, "min"],
        [{ min: 3, max: 2 }, "max"],
        [{ maxCount: 0 }, "maxCount"],
        [{ maxSize: 0 }, "maxSize"]
      ] as const) {
        const error = yield* Effect.flip(ConnectionPool.shards(manager, "md", { member: () => plain, ...options }))
        assert.strictEqual(error._tag === "InvalidOptions" && error.path.join("."), path)
      }
      const error = yield* Effect.flip(
        ConnectionPool.redundant(manager, "md", { line: () => plain, lines: 0, key: () => 1 })
      )
      assert.strictEqual(error._tag === "InvalidOptions" && error.path.join("."), "lines")
    })
  )
})

histories(20)

describe("redundant", () => {
  const hosts = ["wss://a.example/ws", "wss://b.example/ws"]
  const lines = { line: (index: number) => ({ ...plain, target: hosts[index]! }), key: (text: string) => text }

  it.effect("send goes out by every line that is up, and fails when none is", () =>
    Effect.gen(function* () {
      const { manager, network } = yield* rig()
      const servers = yield* Effect.forEach(hosts, (host) => network.serve(host, TestNetwork.silent))
      const pool = yield* ConnectionPool.redundant(manager, "md", lines)
      yield* settle
      const peers = yield* Effect.forEach(servers, (server) => server.accepted)
      yield* pool.send("both")
      for (const peer of peers) assert.strictEqual(yield* peer.receive, "both")
      yield* manager.pause("md/0")
      yield* settle
      yield* pool.send("one")
      assert.strictEqual(yield* peers[1]!.receive, "one")
      yield* manager.pause("md/1")
      yield* settle
      assert.strictEqual((yield* Effect.flip(pool.send("none")))._tag, "NotConnected")
    })
  )

  it.effect("a key function that throws drops nothing", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig({ script: (peer) => peer.send(["1", "1"]) })
      const pool = yield* ConnectionPool.redundant(manager, "md", {
        line: () => ({ ...plain, target: url }),
        key: () => {
          throw new Error("no")
        }
      })
      assert.strictEqual((yield* Stream.runCollect(Stream.take(pool.stream, 4))).length, 4)
    })
  )
})
