/**
 * Proves that snapshots of 5 MB reach their subscribers: three of them before the
 * session is Ready, within its default buffer; any number once it is Ready; and that a buffer or a message size that is too
 * small is a failure that says so, and no loss.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { collect, names } from "./topicNews.ts"
import { type FromServer, match, options, type ToServer } from "./topicServer.ts"
import { closingInTime, pass } from "../support/passing.ts"

const url = "wss://feed.example/ws"
const megabytes = (count: number) => count * 1024 * 1024
const snapshot = "x".repeat(5_000_000)

interface Given {
  readonly connection?: Partial<Connection.Options<Codec.Codec<FromServer, ToServer>, string, never>>
  readonly subscriptions?: Partial<Subscriptions.Options<string, FromServer, ToServer>>
}

/** Three topics, wanted before the first dial, each of which gets a snapshot with its acknowledgement; and what its subscribers got. */
const subscribed = ({ connection: overrides, subscriptions: others }: Given = {}) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    let sent = 0
    const server = yield* network.serve(url, (peer) =>
      peer.listen({
        frame: (frame) => {
          const { id, topics } = JSON.parse(String(frame)) as ToServer
          peer.sendUnsafe([JSON.stringify({ ack: id })])
          for (const topic of topics) peer.sendUnsafe([JSON.stringify({ topic, seq: 1, why: snapshot })])
          sent += topics.length
        }
      })
    )
    const connecting = Connection.make("feed", {
      target: url,
      codec: Codec.jsonAs<FromServer, ToServer>(),
      startup: "lazy",
      reconnect: Reconnect.prompt,
      maxMessageSize: megabytes(16),
      ...overrides
    })
    const connection = yield* closingInTime(network.provide(connecting))
    const { items: events } = yield* collect(connection.events)
    const subscriptions = yield* network.provide(Subscriptions.make(connection, { ...options, match, ...others }))
    const held = yield* Effect.forEach(names(3), (topic) => subscriptions.subscribe(topic))
    const news = yield* Effect.forEach(held, ({ stream }) => collect(stream))
    let readyAfter = -1
    const ready = Effect.map(connection.awaitReady, () => (readyAfter = sent))
    yield* Effect.forkScoped(Effect.ignore(ready))
    yield* pass(500, 100)
    const sizes = news.flatMap(({ items }) => items.map(({ why }) => why?.length))
    const errors = events.flatMap((event) => (event._tag === "SessionEnded" ? [event.error.message] : []))
    return { connection, errors, readyAfter, dials: (yield* server.dials).length, sizes }
  })

const three = [snapshot.length, snapshot.length, snapshot.length]

describe("large snapshots", () => {
  it.effect("three before the session is Ready fit into its buffer", () =>
    Effect.gen(function* () {
      const { dials, readyAfter, sizes } = yield* subscribed()
      assert.deepStrictEqual([sizes, dials, readyAfter], [three, 1, 3])
    })
  )

  it.effect("any number come once the session is Ready, whatever the buffer", () =>
    Effect.gen(function* () {
      const late = { connection: { openBuffer: 1_000 }, subscriptions: { openWithin: 0 } }
      const { dials, readyAfter, sizes } = yield* subscribed(late)
      assert.deepStrictEqual([sizes, dials, readyAfter], [three, 1, 0])
    })
  )

  it.effect("a buffer that is too small ends the session with a failure that names it", () =>
    Effect.gen(function* () {
      const { errors, sizes } = yield* subscribed({ connection: { openBuffer: megabytes(8) } })
      assert.deepStrictEqual(sizes, [])
      assert.include(errors[0], "`openBuffer` is 8388608")
    })
  )

  it.effect("a message over `maxMessageSize` ends the connection with a failure that names it", () =>
    Effect.gen(function* () {
      const { connection, sizes } = yield* subscribed({ connection: { maxMessageSize: megabytes(1) } })
      const state = connection.state.getUnsafe()
      assert.deepStrictEqual(sizes, [])
      assert.strictEqual(state._tag === "Failed" && state.error._tag, "MessageTooLarge")
    })
  )
})
