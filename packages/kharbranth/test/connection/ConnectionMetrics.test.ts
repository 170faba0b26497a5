// Proves that a connection's figures count gaps by their cause and tracked messages by their outcome, over all sessions,
// and that a session that we closed ourselves is no error.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"

const url = "wss://echo.example/"

describe("ConnectionMetrics", () => {
  it.effect("counts gaps by their cause", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      let closes = true
      yield* network.serve(url, (peer) => {
        if (closes) return Effect.andThen(Effect.sleep("1 second"), peer.close(1012, "restart"))
        return Effect.void
      })
      const connection = yield* network.provide(Connection.make("echo", { target: url }))
      assert.deepStrictEqual((yield* Connection.metrics(connection)).gaps, {})
      yield* TestClock.adjust("5 seconds")
      closes = false
      yield* TestClock.adjust("1 minute")
      yield* connection.awaitReady
      const before = yield* Connection.metrics(connection)
      assert.deepStrictEqual(Object.keys(before.gaps), ["ConnectionClosed"])
      assert.strictEqual(before.gaps["ConnectionClosed"], before.reconnects)
      // A rotation loses nothing.
      yield* connection.restart({ mode: "makeFirst" })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* Connection.metrics(connection)).gaps, before.gaps)
    }).pipe(Effect.scoped)
  )

  it.effect("a restart, a rotation and a pause are no errors, a loss is one", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const server = yield* network.serve(url, TestNetwork.echo)
      const connection = yield* network.provide(Connection.make("echo", { target: url }))
      const errors = Effect.map(Connection.metrics(connection), (metrics) => metrics.errors)
      yield* connection.restart()
      yield* connection.restart({ mode: "makeFirst" })
      yield* TestClock.adjust("10 seconds")
      yield* connection.pause
      yield* TestClock.adjust("10 seconds")
      yield* connection.resume
      yield* connection.awaitReady
      assert.deepStrictEqual([yield* errors, (yield* Connection.metrics(connection)).dials], [0, 4])
      yield* (yield* server.connections).at(-1)!.reset
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* errors, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("counts tracked messages by their outcome", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url, TestNetwork.echo)
      const connection = yield* network.provide(Connection.make("echo", { target: url, codec: Codec.text }))
      yield* connection.send("nobody asks what became of this one")
      const confirmed = yield* Connection.track(connection, "a")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* confirmed)._tag, "Confirmed")
      yield* connection.pause
      yield* TestClock.adjust("1 second")
      const [expired, dropped] = [
        yield* Connection.track(connection, "b", { ttl: "1 second" }),
        yield* Connection.track(connection, "c", { whenDown: "drop" })
      ]
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([(yield* expired)._tag, (yield* dropped)._tag], ["Expired", "Dropped"])
      const { deliveries } = yield* Connection.metrics(connection)
      assert.deepStrictEqual(deliveries, { Confirmed: 1, Dropped: 1, Expired: 1 })
    }).pipe(Effect.scoped)
  )
})
