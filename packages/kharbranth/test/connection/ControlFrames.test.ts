/**
 * Proves that control frames are in reach: a ping with a payload is answered by
 * the pong that carries it and by no other, a close carries a code and a reason,
 * what cannot be sent is a typed failure, and a codec that asks for control frames
 * gets them in their place among the messages, on every session.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Message from "kharbranth/Message"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { closingInTime, pass } from "../support/passing.ts"

const url = "wss://feed.example/ws"
const bytes = (text: string) => new TextEncoder().encode(text)

const rig = (platform: "node" | "browser" = "node", highWaterMark = 65_536) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ latency: 10, platform })
    const server = yield* network.serve(url)
    const connection = yield* closingInTime(
      network.provide(
        Connection.make("feed", {
          target: url,
          codec: Codec.messages,
          reconnect: Reconnect.prompt,
          inbox: { highWaterMark },
          startup: "background"
        })
      )
    )
    yield* pass(500)
    const peer = yield* server.accepted
    return { connection, network, peer, server }
  })

/** Runs an effect that needs some time. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
    yield* pass(11_000)
    return yield* yield* Fiber.join(fiber)
  })

describe("a ping with a payload", () => {
  it.effect("gives the round trip of the pong that carries it", () =>
    Effect.gen(function* () {
      const { connection } = yield* rig()
      assert.strictEqual(Duration.toMillis(yield* inTime(Connection.ping(connection, { payload: bytes("here?") }))), 20)
      assert.strictEqual(Duration.toMillis(yield* inTime(Connection.ping({})(connection))), 20)
    })
  )

  it.effect("is not answered by another pong, and does not wait for ever", () =>
    Effect.gen(function* () {
      const { connection, network } = yield* rig()
      yield* network.inject(Fault.mutePongs())
      const error = yield* Effect.flip(inTime(Connection.ping(connection, { payload: bytes("here?") })))
      assert.strictEqual(error._tag, "PingFailed")
    })
  )

  it.effect("fails with its session", () =>
    Effect.gen(function* () {
      const { connection, network, peer } = yield* rig()
      yield* network.inject(Fault.mutePongs())
      const ping = yield* Effect.forkChild(Effect.flip(Connection.ping(connection, { payload: bytes("here?") })), {
        startImmediately: true
      })
      yield* peer.reset
      yield* pass(200)
      assert.strictEqual((yield* Fiber.join(ping))._tag, "ConnectionDropped")
    })
  )

  it.effect("is a typed failure where it cannot be sent", () =>
    Effect.gen(function* () {
      const { connection } = yield* rig()
      const long = yield* Effect.flip(Connection.ping(connection, { payload: new Uint8Array(126) }))
      assert.strictEqual(long._tag, "InvalidOptions")
      const page = yield* rig("browser")
      const error = yield* Effect.flip(Connection.ping(page.connection, { payload: bytes("here?") }))
      assert.strictEqual(error._tag, "PingFailed")
      assert.include(error.message, "this transport cannot send ping frames")
    })
  )

  it.effect("confirms what was sent before it", () =>
    Effect.gen(function* () {
      const { connection } = yield* rig()
      const outcome = yield* Connection.track(connection, "order")
      yield* pass(100)
      yield* inTime(Connection.ping(connection, { payload: bytes("here?") }))
      assert.deepStrictEqual(yield* outcome, { _tag: "Confirmed", by: "pong" })
    })
  )
})

describe("a close with a code", () => {
  it.effect("carries it and the reason to the peer", () =>
    Effect.gen(function* () {
      const { connection, peer } = yield* rig()
      yield* inTime(Connection.close(connection, { code: 4001, reason: "signed out" }))
      assert.deepStrictEqual(yield* peer.ended, {
        _tag: "Closed",
        code: 4001,
        reason: "signed out",
        initiator: "client"
      })
      assert.deepStrictEqual(connection.state.getUnsafe(), { _tag: "Disconnected", reason: "Closed" })
    })
  )

  it.effect("is refused, and closes nothing, where a frame cannot carry it", () =>
    Effect.gen(function* () {
      const { connection } = yield* rig()
      const refused = [
        { code: 1001 },
        { code: 1005 },
        { code: 2999 },
        { code: 5000 },
        { code: 3000.5 },
        { code: NaN },
        { reason: "é".repeat(62) }
      ]
      for (const options of refused) {
        const error = yield* Effect.flip(Connection.close(connection, options))
        assert.strictEqual(error._tag, "InvalidOptions")
        assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
      }
      yield* inTime(Connection.close(connection, { code: 3000, reason: "e".repeat(123) }))
      assert.strictEqual(connection.state.getUnsafe()._tag, "Disconnected")
    })
  )
})

describe("Codec.messages", () => {
  it.effect("shows control frames among the messages, in order and on every session", () =>
    Effect.gen(function* () {
      const { connection, peer, server } = yield* rig()
      const seen: Array<unknown> = []
      yield* Effect.forkScoped(Stream.runForEach(connection.stream, (message) => Effect.sync(() => seen.push(message))))
      yield* peer.send("a")
      yield* peer.ping(bytes("1"))
      yield* peer.send("b")
      yield* peer.close(4321, "see you")
      yield* pass(10_000)
      const next = yield* server.accepted
      yield* next.ping(bytes("2"))
      yield* pass(1000)
      const shown = seen.filter((message) => (message as Message.Message)._tag !== "Pong")
      assert.deepStrictEqual(shown, [
        Message.text("a"),
        Message.ping(bytes("1")),
        Message.text("b"),
        Message.close(4321, "see you"),
        Message.ping(bytes("2"))
      ])
      const { messagesIn } = yield* Connection.metrics(connection)
      assert.strictEqual(messagesIn, 2, "control frames are no messages in the figures")
    })
  )

  it.effect("shows pongs, and keeps them in what waits unread", () =>
    Effect.gen(function* () {
      const { connection } = yield* rig()
      yield* inTime(Connection.ping(connection, { payload: bytes("here?") }))
      assert.deepStrictEqual(yield* connection.receive, Message.pong(bytes("here?")))
      assert.strictEqual((yield* Connection.metrics(connection)).inbox.bytes, 0)
    })
  )

  it.effect("is bounded by the inbox, however small the frames are", () =>
    Effect.gen(function* () {
      const { connection, peer } = yield* rig("node", 1000)
      for (let i = 0; i < 600; i++) yield* peer.ping(new Uint8Array(0))
      yield* pass(100)
      const { bytes, messages } = (yield* Connection.metrics(connection)).inbox
      assert.isAtMost(bytes, 1000)
      assert.strictEqual(messages, 500, "the rest is held back")
    })
  )
})
