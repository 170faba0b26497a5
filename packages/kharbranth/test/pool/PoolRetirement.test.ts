// Proves that members of a pool retire: one that has carried nothing for
// `retireAfter` is closed and is not dialed again, `min` members stay, and an
// item that comes in time, even at the last moment, is carried by a member that
// lives.
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as ConnectionPool from "../../src/ConnectionPool.ts"
import { Fibers } from "../../src/internal/kit/fibers.ts"
import { Timer, timersOf } from "../../src/internal/kit/timers.ts"
import { Retirement } from "../../src/internal/pool/retirement.ts"
import { pass, plain, rig, settle } from "../manager/managerRig.ts"

interface Given {
  readonly min?: number
  readonly retireAfter?: ConnectionPool.ShardOptions<never, never, never>["retireAfter"]
}

/** A pool of three members with one item each, "a", "b" and "c". */
const filled = (given: Given = {}) =>
  Effect.gen(function* () {
    const { manager, network, server } = yield* rig()
    const pool = yield* ConnectionPool.shards(manager, "md", { member: () => plain, max: 3, maxCount: 1, ...given })
    for (const id of ["a", "b", "c"]) yield* pool.place({ id })
    yield* settle
    const names = Effect.map(pool.members, (members) => members.map(({ name }) => name))
    return { manager, network, server, pool, names }
  })

describe("retirement", () => {
  it.effect("closes a member that has carried nothing for 10 seconds, and does not dial it again", () =>
    Effect.gen(function* () {
      const { names, network, pool, server } = yield* filled()
      yield* pool.release("b")
      yield* pass("9950 millis")
      assert.deepStrictEqual(yield* names, ["md/0", "md/1", "md/2"])
      yield* pass("50 millis")
      assert.deepStrictEqual(yield* names, ["md/0", "md/2"])
      yield* pass("2 minutes", 1_000)
      assert.strictEqual(yield* network.open, 2)
      assert.strictEqual((yield* server.dials).length, 3)
    })
  )

  it.effect("keeps `min` members, those that have been empty for the shortest time", () =>
    Effect.gen(function* () {
      const { names, network, pool } = yield* filled({ min: 1 })
      for (const id of ["c", "a", "b"]) {
        yield* pool.release(id)
        yield* pass("1 second")
      }
      yield* pass("1 minute", 1_000)
      assert.deepStrictEqual(yield* names, ["md/1"])
      assert.strictEqual(yield* network.open, 1)
    })
  )

  it.effect("leaves nothing behind where `min` is 0, and opens a member for the next item", () =>
    Effect.gen(function* () {
      const { names, network, pool } = yield* filled({ min: 0, retireAfter: "3 seconds" })
      for (const id of ["a", "b", "c"]) yield* pool.release(id)
      yield* pass("3 seconds")
      assert.deepStrictEqual(yield* names, [])
      assert.strictEqual(yield* network.open, 0)
      assert.strictEqual((yield* pool.place({ id: "d" })).name, "md/3")
      yield* settle
      assert.strictEqual(yield* network.open, 1)
    })
  )

  it.effect("an item that comes in time keeps the member, and the time starts over", () =>
    Effect.gen(function* () {
      const { names, pool, server } = yield* filled()
      yield* pool.release("b")
      yield* pass("9 seconds")
      assert.strictEqual((yield* pool.place({ id: "d" })).name, "md/1")
      yield* pass("5 seconds")
      yield* pool.release("d")
      yield* pass("9 seconds")
      assert.deepStrictEqual(yield* names, ["md/0", "md/1", "md/2"])
      assert.strictEqual((yield* server.dials).length, 3)
      yield* pass("1 second")
      assert.deepStrictEqual(yield* names, ["md/0", "md/2"])
    })
  )

  it.effect("an item that comes at the very moment is carried by a member that lives, whichever acts first", () =>
    Effect.gen(function* () {
      const carriers: Array<string> = []
      for (const isSetFirst of [true, false]) {
        const carrier = Effect.gen(function* () {
          const { manager, names, network, pool } = yield* filled({ min: 0 })
          const context = yield* Effect.context<never>()
          const [fibers, timers] = [new Fibers("test", context), timersOf(context)]
          const placed = Deferred.makeUnsafe<string, unknown>()
          const placing = Effect.map(pool.place({ id: "d" }), ({ name }) => name)
          const timer = new Timer(timers, fibers, () => void fibers.run(Deferred.into(placing, placed)))
          if (isSetFirst) timer.set(timers.now() + 10_000)
          yield* pool.release("b")
          timer.set(timers.now() + 10_000)
          yield* TestClock.adjust("10 seconds")
          yield* settle
          const name = yield* Deferred.await(placed)
          yield* pass("1 minute", 1_000)
          assert.deepStrictEqual((yield* names).toSorted(), ["md/0", "md/2", name].toSorted())
          assert.deepStrictEqual((yield* manager.names).toSorted(), (yield* names).toSorted())
          assert.strictEqual(yield* network.open, 3)
          yield* pool.send("d", "hello")
          return name
        })
        carriers.push(yield* Effect.scoped(carrier))
      }
      // Both orders have happened: the old member is kept once, and a new one is opened once.
      assert.deepStrictEqual(carriers.toSorted(), ["md/1", "md/3"])
    })
  )

  it.effect("a member that is replaced for nobody retires too", () =>
    Effect.gen(function* () {
      const { manager, names, pool } = yield* filled()
      yield* manager.close("md/1")
      yield* pool.release("b")
      yield* pass("1 minute", 1_000)
      assert.deepStrictEqual((yield* names).length, 2)
      assert.strictEqual(yield* pool.waiting, 0)
    })
  )

  it.effect("`Infinity` keeps every member, and the end of the pool leaves no timer", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { names, pool } = yield* filled({ retireAfter: "Infinity" })
          for (const id of ["a", "b", "c"]) yield* pool.release(id)
          yield* pass("10 minutes", 10_000)
          assert.strictEqual((yield* names).length, 3)
        })
      )
      const { manager, names } = yield* Effect.scoped(Effect.tap(filled(), ({ pool }) => pool.release("b")))
      yield* pass("1 minute", 1_000)
      assert.strictEqual((yield* names).length, 3)
      assert.deepStrictEqual(yield* manager.names, [])
    })
  )

  it.effect("refuses a time that is none", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const options = { member: () => plain, retireAfter: 0 }
      const error = yield* Effect.flip(ConnectionPool.shards(manager, "md", options))
      assert.strictEqual(error._tag === "InvalidOptions" && error.path.join("."), "retireAfter")
    })
  )
})

describe("the decision", () => {
  it("names as many as are to spare, the longest empty first", () => {
    const retirement = new Retirement({ min: 1, after: 10 })
    const loaded = new Set(["a", "b", "c"])
    const note = (now: number) => retirement.note(["a", "b", "c"], (name) => !loaded.has(name), now)
    note(0)
    assert.strictEqual(retirement.nextAt, Infinity)
    loaded.delete("c")
    note(1)
    loaded.delete("a")
    note(2)
    loaded.delete("b")
    note(3)
    assert.strictEqual(retirement.nextAt, 11)
    assert.deepStrictEqual(retirement.due(10), [])
    assert.deepStrictEqual(retirement.due(12), ["c", "a"])
    assert.deepStrictEqual(retirement.due(99), ["c", "a"])
    loaded.add("c")
    note(100)
    assert.strictEqual(retirement.nextAt, 12)
    retirement.note(["b"], () => true, 101)
    assert.strictEqual(retirement.nextAt, Infinity)
  })
})
