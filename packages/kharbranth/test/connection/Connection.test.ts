// Proves the everyday journey of one connection: it becomes Ready, carries messages both ways, outlives its
// sockets with exactly one Gap per interruption, swaps sockets without one, and ends as it is told to.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import type { Gap } from "../../src/Inbox.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"

const url = "wss://feed.example/ws"
const options = { target: url, codec: Codec.text, reconnect: Reconnect.prompt } as const

const onNetwork = <A, E>(
  run: (network: TestNetwork.TestNetwork, server: TestNetwork.Server) => Effect.Effect<A, E, any>
) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    const server = yield* network.serve(url, TestNetwork.echo)
    const result = yield* Effect.scoped(network.provide(run(network, server)))
    assert.strictEqual(yield* network.open, 0)
    return result
  })

describe("Connection", () => {
  it.effect("is usable as soon as make returns", () =>
    onNetwork(() =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
        yield* connection.send("one")
        assert.strictEqual(yield* connection.receive, "one")
      })
    )
  )

  it.effect("reads nothing of a session that gave up and still closes when it is brought back", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1, platform: "browser" })
      const server = yield* network.serve(url, () => Effect.void)
      const connection = yield* network.provide(Connection.make("feed", { ...options, inbox: { highWaterMark: 8 } }))
      const old = yield* server.accepted
      yield* old.send("first")
      assert.strictEqual(yield* connection.receive, "first")
      yield* network.inject(Fault.latency({ latency: 500 }))
      yield* old.send(["more than", "it may hold"])
      yield* TestClock.adjust("100 millis")
      yield* old.send("lost")
      yield* TestClock.adjust("200 millis")
      yield* old.send("late")
      yield* TestClock.adjust("250 millis")
      assert.strictEqual(connection.state.getUnsafe()._tag, "Failed")
      // There is room again, but what comes now is turned away.
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(connection.stream)))._tag, "InboxOverflow")
      yield* TestClock.adjust("150 millis")
      const revived = yield* Effect.forkScoped(connection.restart())
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(revived)
      const tags = yield* connection.entries.pipe(
        Stream.map((entry) => (entry._tag === "Message" ? entry.message : entry._tag)),
        Stream.takeUntil((tag) => tag === "SessionOpened"),
        Stream.runCollect
      )
      assert.notInclude(tags, "late")
      assert.include(tags, "Gap")
      yield* Effect.forkScoped(connection.close)
      yield* TestClock.adjust("10 seconds")
    })
  )

  it.effect("outlives a reset with one Gap between the sessions", () =>
    onNetwork((_network, server) =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        const entries: Array<string> = []
        yield* connection.entries.pipe(
          Stream.runForEach((entry) => Effect.sync(() => entries.push(entry._tag))),
          Effect.forkScoped
        )
        const peer = yield* server.accepted
        yield* connection.send("one")
        yield* TestClock.adjust("1 second")
        yield* peer.reset
        yield* TestClock.adjust("20 seconds")
        yield* connection.awaitReady
        yield* connection.send("two")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(entries, ["SessionOpened", "Message", "Gap", "SessionOpened", "Message"])
        assert.strictEqual((yield* Connection.metrics(connection)).reconnects, 1)
      })
    )
  )

  it.effect("begins each Gap where its own session was last whole, so that two Gaps do not overlap", () =>
    onNetwork((_network, server) =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        const gaps: Array<Gap> = []
        yield* connection.entries.pipe(
          Stream.runForEach((entry) => Effect.sync(() => void (entry._tag === "Gap" && gaps.push(entry)))),
          Effect.forkScoped
        )
        yield* connection.send("one")
        yield* TestClock.adjust("1 second")
        for (let lost = 0; lost < 2; lost++) {
          const peer = yield* server.accepted
          yield* TestClock.adjust("20 seconds")
          yield* peer.reset
          yield* TestClock.adjust("20 seconds")
          yield* connection.awaitReady
        }
        // The second session delivered nothing: the message of the first one is not its own.
        assert.strictEqual(gaps.length, 2)
        assert.strictEqual(gaps[1]!.from, gaps[0]!.to)
      })
    )
  )

  it.effect("swaps sockets without a Gap", () =>
    onNetwork((_network, server) =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        const entries: Array<string> = []
        yield* connection.entries.pipe(
          Stream.runForEach((entry) => Effect.sync(() => entries.push(entry._tag))),
          Effect.forkScoped
        )
        yield* connection.restart({ mode: "makeFirst" })
        yield* TestClock.adjust("2 seconds")
        yield* connection.send("after")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(entries, ["SessionOpened", "SessionOpened", "Message"])
        assert.strictEqual((yield* Connection.metrics(connection)).dials, 2)
        assert.strictEqual((yield* server.connections).length, 1)
      })
    )
  )

  it.effect("tells what became of a tracked message", () =>
    onNetwork(() =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("feed", {
          ...options,
          outbox: { acks: { id: (out) => out, match: (incoming) => incoming } }
        })
        const outcome = yield* Connection.track(connection, "id-1")
        const delivery = yield* Effect.forkScoped(outcome)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(delivery), { _tag: "Confirmed", by: "ack" })
      })
    )
  )

  it.effect("ends its stream when it is closed, and refuses a second reader", () =>
    onNetwork(() =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        const reader = yield* Effect.forkScoped(Stream.runDrain(connection.stream))
        yield* TestClock.adjust("1 second")
        const second = yield* Effect.exit(Stream.runDrain(connection.stream))
        assert.isTrue(Exit.isFailure(second))
        yield* connection.close
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(reader)))
        assert.strictEqual((yield* Effect.flip(connection.send("late")))._tag, "NotConnected")
      })
    )
  )

  it.effect("keeps for the next pull what comes after one was interrupted", () =>
    onNetwork(() =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        const pull = yield* Stream.toPull(connection.stream)
        const interrupted = yield* Effect.forkChild(pull, { startImmediately: true })
        yield* Fiber.interrupt(interrupted)
        for (const text of ["one", "two"]) {
          yield* connection.send(text)
          yield* TestClock.adjust("1 second")
        }
        assert.deepStrictEqual(yield* pull, ["one", "two"])
        const waiting = yield* Effect.forkChild(pull, { startImmediately: true })
        yield* connection.send("three")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(waiting), ["three"])
      })
    )
  )

  it.effect("measures a round trip", () =>
    onNetwork(() =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        const ping = yield* Effect.forkScoped(Connection.ping(connection))
        yield* TestClock.adjust("1 second")
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(ping)))
        assert.isDefined((yield* Connection.metrics(connection)).rtt)
      })
    )
  )
})
