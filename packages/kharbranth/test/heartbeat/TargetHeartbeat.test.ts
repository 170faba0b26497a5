/**
 * Proves that a target may bring the heartbeat of its session: its interval and
 * its timeout hold for the session that was dialed with it, the next dial may
 * bring another, and a target without one leaves the connection's.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { pass, settle } from "../support/passing.ts"

const url = "wss://feed.example/ws"

/** What the server's answer to a request for an address says. */
interface Bullet {
  readonly pingInterval: number
  readonly pingTimeout: number
}

/** A connection whose targets bring these one after the other, and then none; and when the server heard its probes. */
const made = (bullets: Array<Bullet>, isMute = false) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    const probes: Array<number> = []
    yield* network.serve(url, (peer) =>
      peer.listen({
        frame: (frame) => {
          probes.push(network.clock.currentTimeMillisUnsafe())
          if (!isMute) peer.sendUnsafe([`re:${String(frame)}`])
        }
      })
    )
    const asking = Effect.sync(() => {
      const bullet = bullets.shift()
      if (bullet === undefined) return { url }
      const { pingInterval, pingTimeout } = bullet
      const heartbeat = Heartbeat.text({ every: pingInterval, timeout: pingTimeout, pulse: "re:ping" })
      return { url, heartbeat }
    })
    const connection = yield* network.provide(
      Connection.make("feed", {
        target: asking,
        codec: Codec.text,
        heartbeat: Heartbeat.text({ every: "60 seconds", pulse: "re:ping" }),
        reconnect: Reconnect.prompt
      })
    )
    yield* settle
    return { connection, probes }
  })

describe("the heartbeat of a target", () => {
  it.effect("is that of the session that was dialed with it", () =>
    Effect.gen(function* () {
      const first = { pingInterval: 18_000, pingTimeout: 10_000 }
      const { connection, probes } = yield* made([first, { ...first, pingInterval: 5_000 }])
      yield* pass(40_000, 500)
      assert.deepStrictEqual(probes.splice(0), [18_000, 36_000])
      yield* Effect.forkScoped(connection.restart())
      yield* pass(12_000, 500)
      assert.deepStrictEqual(probes.splice(0), [45_000, 50_000])
      // The third target brings none: the connection's own holds.
      yield* Effect.forkScoped(connection.restart())
      yield* pass(61_000, 500)
      assert.deepStrictEqual(probes, [112_000])
    })
  )

  it.effect("finds a silent peer dead by its own timeout", () =>
    Effect.gen(function* () {
      const { connection } = yield* made([{ pingInterval: 4_000, pingTimeout: 2_000 }], true)
      yield* pass(5_900, 100)
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
      yield* pass(200, 100)
      const state = connection.state.getUnsafe()
      const cause = state._tag === "Reconnecting" ? state.cause : undefined
      assert.strictEqual(cause?._tag === "PongReceiveTimeout" && Duration.toMillis(cause.timeout), 2_000)
    })
  )
})
