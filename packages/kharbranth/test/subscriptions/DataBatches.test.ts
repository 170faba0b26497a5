/**
 * Proves `Subscriptions.batch`: messages that a codec made one of reach each
 * topic's readers in order, one by one where they are of several topics; those of a
 * topic that nobody reads are counted and never made; and data that comes in
 * batches winds the data clock and confirms a topic as other data does.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "../support/passing.ts"

interface Tick {
  readonly topics: ReadonlyArray<string>
  readonly seq: number
}

type FromServer = { readonly ack: number } | { readonly ticks: ReadonlyArray<Tick> } | Tick

const url = "wss://batches.example/"

const rig = (quiet?: Duration.Input) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    const peers: Array<TestNetwork.Peer> = []
    yield* network.serve(url, (peer) => {
      peers.push(peer)
      return peer.listen({
        frame: (frame) => {
          const { id, op } = JSON.parse(String(frame)) as { readonly id: number; readonly op: string }
          if (op !== "silent") peer.sendUnsafe([JSON.stringify({ ack: id })])
        }
      })
    })
    const made: Array<number> = []
    const connection = yield* network.provide(
      Connection.make("feed", {
        target: url,
        codec: Codec.jsonAs<FromServer, unknown>(),
        reconnect: Reconnect.prompt
      })
    )
    const subscriptions = yield* network.provide(
      Subscriptions.make(connection, {
        subscribe: (topics: ReadonlyArray<string>, id) => ({ op: "subscribe", topics, id }),
        match: (message: FromServer) => {
          if ("ack" in message) return Subscriptions.ack(message.ack)
          if (!("ticks" in message)) return undefined
          const { ticks } = message
          const tick = (index: number): FromServer => {
            const one = ticks[index]!
            made.push(one.seq)
            return one
          }
          return Subscriptions.batch(
            ticks.map(({ topics }) => (topics.length === 1 ? topics[0]! : topics)),
            tick
          )
        },
        dataClock: quiet === undefined ? undefined : { first: "1 minute", quiet, ladder: [] }
      })
    )
    const say = (ticks: ReadonlyArray<readonly [topics: string, seq: number]>) =>
      peers
        .at(-1)
        ?.sendUnsafe([JSON.stringify({ ticks: ticks.map(([topics, seq]) => ({ topics: topics.split(""), seq })) })])
    return { subscriptions, made, say }
  })

const reader = (subscriptions: Subscriptions.Subscriptions<string, FromServer>, topic: string) => {
  const seqs: Array<number> = []
  const message = (one: FromServer): void => void ("seq" in one && seqs.push(one.seq))
  return Effect.as(subscriptions.forward(topic, { message }), seqs)
}

describe("Subscriptions.batch", () => {
  it.effect("gives each reader its topic's messages in order, and makes none for a topic that is only held", () =>
    Effect.gen(function* () {
      const { made, say, subscriptions } = yield* rig()
      const a = yield* reader(subscriptions, "A")
      const b = yield* reader(subscriptions, "B")
      yield* subscriptions.forward("H", {})
      yield* settle
      say([
        ["A", 1],
        ["H", 2]
      ])
      yield* settle
      made.length = 0
      say([
        ["A", 3],
        ["H", 4],
        ["B", 5],
        ["AB", 6],
        ["H", 7],
        ["A", 8]
      ])
      yield* settle
      assert.deepStrictEqual(
        [a, b],
        [
          [1, 3, 6, 8],
          [5, 6]
        ]
      )
      assert.notInclude(made, 4)
      assert.notInclude(made, 7)
      const held = (yield* subscriptions.topics).find(({ topic }) => topic === "H")
      assert.strictEqual(held?.messages, 3)
    })
  )

  it.effect("makes messages again as soon as a held topic gets a reader, and none when that has left", () =>
    Effect.gen(function* () {
      const { made, say, subscriptions } = yield* rig()
      yield* subscriptions.forward("H", {})
      yield* settle
      say([["H", 1]])
      say([["H", 2]])
      yield* settle
      made.length = 0
      yield* Effect.scoped(
        Effect.gen(function* () {
          const late = yield* reader(subscriptions, "H")
          say([["H", 3]])
          yield* settle
          assert.deepStrictEqual(late, [3])
        })
      )
      say([["H", 4]])
      yield* settle
      assert.deepStrictEqual(made, [3])
    })
  )

  it.effect("winds the data clock, though the data is no news", () =>
    Effect.gen(function* () {
      const { say, subscriptions } = yield* rig("10 seconds")
      const { state } = yield* subscriptions.forward("A", {})
      yield* settle
      for (let seq = 1; seq <= 5; seq++) {
        say([["A", seq]])
        yield* TestClock.adjust("8 seconds")
        assert.strictEqual(state.getUnsafe()._tag, "Confirmed", `after ${seq}`)
      }
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual(state.getUnsafe()._tag, "Silent")
      say([["A", 6]])
      yield* settle
      assert.strictEqual(state.getUnsafe()._tag, "Confirmed")
    })
  )

  it.effect("counts what is of no topic that anybody wants", () =>
    Effect.gen(function* () {
      const { say, subscriptions } = yield* rig()
      yield* subscriptions.forward("A", {})
      yield* settle
      say([
        ["X", 1],
        ["A", 2]
      ])
      yield* settle
      assert.strictEqual((yield* subscriptions.figures).stray, 1)
    })
  )
})
