/**
 * Proves what a tap is told of a session's end: once for each, after the
 * connection's state has changed, with the error that ended it; a session that
 * this side closed is told as closed, and a tap that throws harms nobody.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"

const url = "wss://feed.example/ws"

const tapped = Effect.gen(function* () {
  const network = yield* TestNetwork.make({ seed: 1 })
  yield* network.serve(url, TestNetwork.echo)
  const connection = yield* network.provide(
    Connection.make("feed", { target: url, codec: Codec.text, reconnect: Reconnect.prompt })
  )
  const told: Array<string> = []
  yield* connection.tap({
    claim: () => false,
    ended: (epoch, error) => {
      told.push(`${epoch} ${error._tag} ${connection.state.getUnsafe()._tag}`)
      throw new Error("a tap that breaks its promise")
    }
  })
  yield* connection.tap({ claim: () => false, ended: (epoch) => told.push(`${epoch} again`) })
  return { connection, network, told }
})

describe("Tap.ended", () => {
  it.effect("comes after the state change, with what cut the session", () =>
    Effect.gen(function* () {
      const { connection, network, told } = yield* tapped
      yield* network.inject(Fault.reset())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(told.splice(0), ["1 ConnectionDropped Reconnecting", "1 again"])
      yield* TestClock.adjust("5 seconds")
      yield* connection.awaitReady
      yield* network.inject(Fault.close({ code: 1012 }))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(told.splice(0), ["2 ConnectionClosed Reconnecting", "2 again"])
      yield* TestClock.adjust("5 seconds")
      yield* connection.awaitReady
    })
  )

  it.effect("comes for a dial that failed, and for a session that a restart drops", () =>
    Effect.gen(function* () {
      const { connection, network, told } = yield* tapped
      yield* connection.restart()
      assert.deepStrictEqual(told.splice(0), ["1 ConnectionClosed Connecting", "1 again"])
      const refuse = Fault.refuse()
      yield* network.inject(refuse)
      yield* network.inject(Fault.reset())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(told.splice(0), ["2 ConnectionDropped Reconnecting", "2 again"])
      yield* TestClock.adjust("400 millis")
      assert.deepStrictEqual(told.splice(0, 2), ["3 DialFailed Reconnecting", "3 again"])
      yield* network.lift(refuse)
    })
  )

  it.effect(
    "tells a rotated session as closed by this side, even when its socket is cut in the closing handshake",
    () =>
      Effect.gen(function* () {
        const { connection, network, told } = yield* tapped
        yield* network.inject(Fault.ignoreClose())
        yield* connection.restart({ mode: "makeFirst" })
        yield* TestClock.adjust("300 millis")
        assert.deepStrictEqual(told, [])
        yield* TestClock.adjust("6 seconds")
        assert.deepStrictEqual(told, ["1 ConnectionClosed Connected", "1 again"])
        yield* network.lift(Fault.ignoreClose())
      })
  )
})
