/**
 * Proves what hooks are told of messages and of a connection's life: each message
 * decoded, in order and beside the stream, claimed or not; each scheduled
 * dial, the session that ends an outage, and the end of all dialing; and
 * that a close of one's own is no error. Without `onMessage` nothing looks at the
 * messages.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Schedule from "effect/Schedule"
import type { RetryScheduled } from "kharbranth/ConnectionEvent"
import type { Hooks } from "kharbranth/Session"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { pass, settle } from "../support/passing.ts"

const url = "wss://feed.example/ws"

const rig = (more: Hooks<never, unknown> = {}) =>
  Effect.gen(function* () {
    const told: Array<string> = []
    const tell = (line: string) => Effect.sync(() => void told.push(line))
    const network = yield* TestNetwork.make()
    const server = yield* network.serve(url)
    const hooks = {
      onOpen: (epoch: number) => tell(`open ${epoch}`),
      onClose: (error: { readonly _tag: string }, epoch: number) => tell(`close ${epoch} ${error._tag}`),
      onError: (error: { readonly _tag: string }, epoch: number) => tell(`error ${epoch} ${error._tag}`),
      onReconnecting: (retry: RetryScheduled) => tell(`reconnecting, ${retry.cause._tag}`),
      onReconnected: (epoch: number) => tell(`reconnected ${epoch}`),
      onReconnectFailed: (error: { readonly _tag: string }, epoch: number) => tell(`gave up ${epoch} ${error._tag}`),
      ...more
    }
    const connection = yield* network.provide(
      Connection.make("feed", {
        target: url,
        codec: Codec.json,
        reconnect: Reconnect.make({
          schedule: Schedule.max([Schedule.spaced("1 second"), Schedule.recurs(2)]),
          classify: () => Reconnect.retry
        }),
        hooks
      })
    )
    yield* settle
    return { connection, network, peer: yield* server.accepted, server, told }
  })

describe("hooks of a connection's life", () => {
  it.effect("tell of an outage that ends well", () =>
    Effect.gen(function* () {
      const { network, peer, told } = yield* rig()
      const refuse = Fault.refuse()
      yield* network.inject(refuse)
      yield* peer.reset
      yield* pass(1500)
      yield* network.lift(refuse)
      yield* pass(1000)
      assert.deepStrictEqual(told, [
        "open 1",
        "close 1 ConnectionDropped",
        "error 1 ConnectionDropped",
        "reconnecting, ConnectionDropped",
        "close 2 DialFailed",
        "error 2 DialFailed",
        "reconnecting, DialFailed",
        "open 3",
        "reconnected 3"
      ])
    })
  )

  it.effect("tell when the connection gives up", () =>
    Effect.gen(function* () {
      const { network, peer, told } = yield* rig()
      yield* network.inject(Fault.refuse())
      yield* peer.reset
      yield* pass(5000)
      assert.deepStrictEqual(told.slice(-1), ["gave up 3 RetriesExhausted"])
      assert.notInclude(told.join(), "reconnected")
    })
  )

  it.effect("tell of no error and no reconnect where this side closes or restarts", () =>
    Effect.gen(function* () {
      const { connection, told } = yield* rig()
      yield* connection.restart()
      yield* settle
      yield* connection.close
      yield* settle
      assert.deepStrictEqual(told, ["open 1", "close 1 ConnectionClosed", "open 2", "close 2 ConnectionClosed"])
    })
  )
})

describe("the hook onMessage", () => {
  it.effect("sees each message, decoded and in order, beside the stream", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const { connection, peer, server } = yield* rig({
        onMessage: (message, epoch) =>
          message === 2 ? Effect.die("broken") : Effect.sync(() => seen.push([epoch, message]))
      })
      const read: Array<unknown> = []
      yield* Effect.forkScoped(Stream.runForEach(connection.stream, (message) => Effect.sync(() => read.push(message))))
      yield* connection.tap({ claim: (message) => message === "reply" })
      yield* peer.send(["1", "2", `"reply"`, "3"])
      yield* settle
      yield* connection.restart()
      yield* (yield* server.accepted).send("4")
      yield* settle
      assert.deepStrictEqual(read, [1, 2, 3, 4])
      assert.deepStrictEqual(
        seen.filter((pair) => (pair as Array<unknown>)[1] !== "reply"),
        [
          [1, 1],
          [1, 3],
          [2, 4]
        ]
      )
    })
  )

  it.effect("costs nothing where it is not given: a message that nobody reads is not decoded", () =>
    Effect.gen(function* () {
      let decoded = 0
      const counting = Codec.make({
        encode: (message: string) => message,
        decode: (frame) => {
          decoded++
          return String(frame)
        }
      })
      const network = yield* TestNetwork.make()
      const server = yield* network.serve(url)
      for (const onMessage of [undefined, () => Effect.void]) {
        yield* network.provide(
          Connection.make("feed", { target: url, codec: counting, hooks: { onOpen: () => Effect.void, onMessage } })
        )
        yield* (yield* server.accepted).send(["1", "2", "3"])
        yield* settle
        assert.strictEqual(decoded, onMessage === undefined ? 0 : 3)
      }
    })
  )
})
