/**
 * Proves that a session is replaced before its token dies, also when the token
 * lives for less than it takes to be Stable; that a token which is dead on arrival
 * makes no loop of dials, and that the event and the log say so; and that a
 * rotation whose successor failed is tried again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "../support/passing.ts"

const url = "wss://feed.example/ws"

/** A connection whose tokens live for so many milliseconds, and whose server closes a session with its token. */
const withTokens = (life: number, rotate?: Connection.Rotate<string>) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    const server = yield* network.serve(url, (peer) =>
      life > 0 ? Effect.andThen(Effect.sleep(life), peer.reset) : Effect.never
    )
    const lines: Array<string> = []
    const logger = Logger.layer([
      Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`))
    ])
    const connection = yield* network.provide(
      Connection.make("feed", {
        target: { url, expiresAt: Effect.map(Clock.currentTimeMillis, (now) => now + life) },
        codec: Codec.text,
        heartbeat: Heartbeat.none,
        reconnect: Reconnect.prompt,
        rotate,
        startup: "lazy"
      }).pipe(Effect.provide(logger))
    )
    const seen: Array<string> = []
    yield* Effect.forkScoped(Stream.runForEach(connection.entries, (entry) => Effect.sync(() => seen.push(entry._tag))))
    const events: Array<ConnectionEvent> = []
    yield* Effect.forkScoped(
      Stream.runForEach(connection.events, (event) => Effect.sync(() => events.push(event))),
      { startImmediately: true }
    )
    yield* connection.awaitReady
    yield* settle
    const dials = Effect.map(server.dials, (dials) => dials.length)
    const seconds = (count: number) =>
      Effect.forEach(Array.from({ length: count }), () => Effect.andThen(TestClock.adjust("1 second"), settle))
    return { connection, dials, events, lines, network, seconds, seen }
  })

describe("a token that expires before its session is Stable", () => {
  it.effect("is replaced in time, again and again, without a Gap", () =>
    Effect.gen(function* () {
      const { dials, seconds, seen } = yield* withTokens(4000, { before: "1 second" })
      yield* seconds(30)
      assert.include([10, 11], yield* dials, "every three seconds")
      assert.notInclude(seen, "Gap")
    })
  )

  it.effect("is replaced after half of its life where `before` leaves less", () =>
    Effect.gen(function* () {
      const { dials, seconds, seen } = yield* withTokens(8000)
      yield* seconds(30)
      assert.include([7, 8], yield* dials, "every four seconds")
      assert.notInclude(seen, "Gap")
    })
  )

  it.effect("is replaced by a dial without a wait where two sessions are too many", () =>
    Effect.gen(function* () {
      const { dials, events, seconds } = yield* withTokens(4000, { before: "1 second", mode: "breakFirst" })
      yield* seconds(10)
      assert.strictEqual(yield* dials, 4)
      assert.deepStrictEqual(
        events.filter(({ _tag }) => _tag === "RetryScheduled"),
        []
      )
    })
  )
})

describe("a token that is dead on arrival", () => {
  it.effect("costs a dial every thirty seconds, which the event and the log announce", () =>
    Effect.gen(function* () {
      const { dials, events, lines, seconds } = yield* withTokens(-60_000)
      yield* seconds(1)
      const deferred = events.filter(({ _tag }) => _tag === "RotationDeferred")
      assert.strictEqual(deferred.length, 1)
      assert.strictEqual(lines.filter((line) => line.startsWith("Warn session 1 is to be replaced")).length, 1)
      assert.strictEqual(yield* dials, 1)
      yield* seconds(95)
      assert.strictEqual(yield* dials, 4)
    })
  )
})

describe("a planned rotation whose successor failed", () => {
  it.effect("is tried again in thirty seconds", () =>
    Effect.gen(function* () {
      const { connection, events, network, seconds } = yield* withTokens(200_000, { before: "1 minute" })
      const started = () => events.filter(({ _tag }) => _tag === "DialStarted").length
      yield* seconds(138)
      const refuse = Fault.refuse()
      yield* network.inject(refuse)
      yield* seconds(4)
      yield* network.lift(refuse)
      assert.strictEqual(started(), 2)
      yield* seconds(31)
      assert.strictEqual(started(), 3)
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
    })
  )
})
