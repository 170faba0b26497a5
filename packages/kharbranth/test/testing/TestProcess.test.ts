/**
 * Proves that one network holds several client processes: each with its own
 * clock and its own way to a server; that a fault may concern one of them; and
 * that a killed one is gone for its servers and never runs again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"

const url = "wss://feed.example/ws"

const open = (process: TestNetwork.TestProcess) =>
  Connection.make(process.name, { target: url, codec: Codec.text }).pipe(process.provide)

const pair = Effect.gen(function* () {
  const network = yield* TestNetwork.make()
  const server = yield* network.serve(url, TestNetwork.echo)
  const a = yield* network.process("a")
  const b = yield* network.process("b")
  return { a, b, network, server }
})

describe("TestProcess", () => {
  it.effect("processes share the servers", () =>
    Effect.gen(function* () {
      const { a, b, server } = yield* pair
      yield* open(a)
      yield* open(b)
      const connections = yield* server.connections
      assert.deepStrictEqual(
        connections.map(({ request }) => request.connection),
        ["a", "b"]
      )
    })
  )

  it.effect("a fault of one process leaves the other alone", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* pair
      const one = yield* open(a)
      const other = yield* open(b)
      yield* network.inject(Fault.reset({ process: "a" }))
      yield* TestClock.adjust(0)
      assert.notStrictEqual(one.state.getUnsafe()._tag, "Connected")
      assert.strictEqual(other.state.getUnsafe()._tag, "Connected")
    })
  )

  it.effect("a suspended process sleeps while the other's time goes on", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* pair
      const slept = (process: TestNetwork.TestProcess) =>
        Effect.forkChild(process.provide(Effect.sleep("1 second")), { startImmediately: true })
      const [one, other] = [yield* slept(a), yield* slept(b)]
      const pause = Fault.suspend("stops", { process: "a" })
      yield* network.inject(pause)
      const awake = yield* Effect.forkChild(a.awake, { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(one.pollUnsafe())
      assert.isUndefined(awake.pollUnsafe())
      assert.isDefined(other.pollUnsafe())
      yield* network.lift(pause)
      yield* TestClock.adjust("1 second")
      assert.isDefined(one.pollUnsafe())
      assert.isDefined(awake.pollUnsafe())
    })
  )

  it.effect("a killed process is reset at its servers, and its fibers run no more", () =>
    Effect.gen(function* () {
      const { a, b, network, server } = yield* pair
      // Nobody closes this scope: a process that is killed runs no finalizers.
      yield* Scope.provide(open(a), Scope.makeUnsafe())
      yield* open(b)
      const peers = yield* server.connections
      const sleeper = yield* Effect.forkChild(a.provide(Effect.sleep("1 second")), { startImmediately: true })
      yield* a.kill
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* peers[0]!.ended, { _tag: "Dropped" })
      assert.lengthOf(yield* server.connections, 1)
      yield* network.heal
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(sleeper.pollUnsafe())
      yield* Fiber.interrupt(sleeper)
    })
  )

  it.effect("a dial of a killed process ends nowhere, and its name is free", () =>
    Effect.gen(function* () {
      const { a, network, server } = yield* pair
      yield* a.kill
      const dial = yield* Effect.forkChild(open(a), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(dial.pollUnsafe())
      assert.lengthOf(yield* server.dials, 0)
      yield* Fiber.interrupt(dial)
      yield* open(yield* network.process("a"))
      assert.lengthOf(yield* server.dials, 1)
    })
  )

  it.effect("a process that starts finds the faults that are active", () =>
    Effect.gen(function* () {
      const { network } = yield* pair
      yield* network.inject(Fault.wallClock("1 hour", { process: "late" }))
      const late = yield* network.process("late")
      assert.strictEqual(late.clock.currentTimeMillisUnsafe(), 3_600_000)
      assert.strictEqual(network.clock.currentTimeMillisUnsafe(), 0)
    })
  )

  it.effect("a clock with a rate of its own drifts, sleeps included", () =>
    Effect.gen(function* () {
      const { network } = yield* pair
      const fast = yield* network.process("fast", { rate: 1.25 })
      const sleeper = yield* Effect.forkChild(
        fast.provide(Effect.andThen(Effect.sleep("10 seconds"), Clock.currentTimeMillis)),
        {
          startImmediately: true
        }
      )
      yield* TestClock.adjust(7_999)
      assert.isUndefined(sleeper.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(sleeper), 10_000)
      assert.strictEqual(fast.clock.monotonicTimeNanosUnsafe(), 10_000_000_000n)
    })
  )
})
