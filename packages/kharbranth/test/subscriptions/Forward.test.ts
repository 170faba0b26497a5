/**
 * Proves `forward`: a topic's messages reach the receiver's functions in order
 * and before the turn ends, gaps stand where messages may be missing, the end
 * comes once, and neither a receiver that throws nor one that wants nothing
 * disturbs anybody else. On one connection and on a pool.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Subscriptions from "kharbranth/Subscriptions"
import { sharded } from "./shardedRig.ts"
import { brief, collect } from "./topicNews.ts"
import { type FromServer, options, rig } from "./topicServer.ts"
import { closed, pass, settle } from "../support/passing.ts"

const made = Effect.gen(function* () {
  const own = yield* rig()
  return { ...own, subscriptions: yield* own.network.provide(Subscriptions.make(own.connection, options)) }
})

/** A receiver that writes down what it hears, in words. */
const recorder = () => {
  const heard: Array<string> = []
  const receiver: Subscriptions.Receiver<FromServer> = {
    message: ({ seq }, epoch) => heard.push(`${seq} of ${epoch}`),
    gap: (gap) => heard.push(brief(gap)),
    ended: (error) => heard.push(`ended ${error?._tag ?? "well"}`)
  }
  return { heard, receiver }
}

describe("Subscriptions.forward", () => {
  it.effect("forwards messages and gaps in order, over sessions and resubscriptions, as a stream has them", () =>
    Effect.gen(function* () {
      const { connection, server, subscriptions } = yield* made
      const { heard, receiver } = recorder()
      const { confirmed, topic } = yield* subscriptions.forward("A", receiver)
      const stream = yield* collect(subscriptions.entries("A"))
      yield* settle
      yield* confirmed
      assert.strictEqual(topic, "A")
      server.publish("A")
      server.publish("A")
      yield* settle
      yield* subscriptions.resubscribe("A", "checksum")
      yield* settle
      server.publish("A")
      yield* settle
      yield* Effect.forkScoped(connection.restart({}))
      yield* pass(5000)
      server.publish("A")
      yield* settle
      assert.deepStrictEqual(heard, ["1 of 1", "2 of 1", "gap:checksum", "3 of 1", "gap:session", "4 of 2"])
      assert.deepStrictEqual(stream.items.map(brief), ["1", "2", "gap:checksum", "3", "gap:session", "4"])
    })
  )

  it.effect("calls within the tap: a message is there before a later tap sees it", () =>
    Effect.gen(function* () {
      const { connection, server, subscriptions } = yield* made
      const { heard, receiver } = recorder()
      yield* subscriptions.forward("A", receiver)
      const seen: Array<number> = []
      // The server's note is no data of a topic, so the subscriptions leave it to this tap.
      yield* connection.tap({
        claim: () => {
          seen.push(heard.length)
          return true
        }
      })
      yield* settle
      const [peer] = [...server.peers.values()]
      peer?.sendUnsafe([
        JSON.stringify({ topic: "A", seq: 1 }),
        JSON.stringify({ topic: "A", seq: 2 }),
        `{"why":"note"}`
      ])
      yield* settle
      assert.deepStrictEqual(seen, [2])
    })
  )

  it.effect("releases the topic with its Scope: the end comes once, and nothing after it", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made
      const { heard, receiver } = recorder()
      const scope = yield* Scope.make()
      yield* Scope.provide(subscriptions.forward("A", receiver), scope)
      yield* settle
      yield* Scope.close(scope, Exit.void)
      const [peer] = [...server.peers.keys()]
      server.say(peer!, { topic: "A", seq: 9 })
      yield* settle
      assert.deepStrictEqual(heard, ["ended well"])
      assert.deepStrictEqual(yield* subscriptions.topics, [])
      assert.deepStrictEqual(
        server.seen.map(({ op }) => op),
        ["subscribe", "unsubscribe"]
      )
    })
  )

  it.effect("says once that the connection is over", () =>
    Effect.gen(function* () {
      const { connection, subscriptions } = yield* made
      const { heard, receiver } = recorder()
      yield* subscriptions.forward("A", receiver)
      yield* closed(connection)
      yield* settle
      assert.deepStrictEqual(heard, ["ended well"])
    })
  )

  it.effect("a receiver that throws misses that alone; one that wants nothing holds the topic", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made
      let calls = 0
      yield* subscriptions.forward("A", {
        message: () => {
          calls++
          throw new Error("no")
        }
      })
      yield* subscriptions.forward("A", {})
      const { heard, receiver } = recorder()
      yield* subscriptions.forward("A", receiver)
      yield* subscriptions.forward("B", {})
      yield* settle
      for (const topic of ["A", "B", "A"]) server.publish(topic)
      yield* settle
      assert.deepStrictEqual([calls, heard], [2, ["1 of 1", "2 of 1"]])
      assert.deepStrictEqual(
        (yield* subscriptions.topics).map(({ messages, subscribers, topic }) => [topic, subscribers, messages]),
        [
          ["A", 3, 2],
          ["B", 1, 1]
        ]
      )
      assert.strictEqual((yield* subscriptions.figures).dropped, 0)
    })
  )

  it.effect("on a pool, a topic that moves to another member leaves a gap", () =>
    Effect.gen(function* () {
      const { manager, server, subscriptions } = yield* sharded({ pool: { min: 2, max: 2 } })
      const [moved, stayed] = [recorder(), recorder()]
      // A | B
      yield* subscriptions.forward("A", moved.receiver)
      yield* subscriptions.forward("B", stayed.receiver)
      yield* settle
      const publish = Effect.sync(() => ["A", "B"].forEach((topic) => server.publish(topic)))
      yield* publish
      yield* settle
      yield* Effect.forkScoped(manager.close("md/0"))
      yield* pass(300)
      yield* publish
      yield* settle
      assert.deepStrictEqual(moved.heard, ["1 of 1", "gap:session", "2 of 1"])
      assert.deepStrictEqual(stayed.heard, ["1 of 1", "2 of 1"])
    })
  )
})
