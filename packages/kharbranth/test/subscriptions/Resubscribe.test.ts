/**
 * Proves `resubscribe`: a topic is unsubscribed, acknowledged and subscribed
 * again within its session, once however many ask in the same turn; its
 * subscribers see one `Gap` with the reason and nothing after it that is of the
 * old subscription; a rotation that comes first does the same; and where there is
 * nothing to do, nothing is done. On one connection and on a pool.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as RateLimit from "kharbranth/RateLimit"
import * as Subscriptions from "kharbranth/Subscriptions"
import { sharded } from "./shardedRig.ts"
import { brief, collect } from "./topicNews.ts"
import { type FromServer, options, rig, type ToServer } from "./topicServer.ts"
import { closed, pass, settle } from "../support/passing.ts"

const made = (overrides: Partial<Subscriptions.Options<string, FromServer, ToServer>> = {}) =>
  Effect.gen(function* () {
    const own = yield* rig()
    const subscriptions = yield* own.network.provide(Subscriptions.make(own.connection, { ...options, ...overrides }))
    return { ...own, subscriptions }
  })

describe("Subscriptions.resubscribe", () => {
  it.effect("unsubscribes, waits for the answer and subscribes, with one Gap that names the reason", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made()
      const events = yield* collect(subscriptions.events)
      const held = yield* subscriptions.subscribe("A")
      const other = yield* subscriptions.subscribe("B")
      const [a, twin, b] = yield* Effect.all([
        collect(held.entries),
        collect(subscriptions.entries("A")),
        collect(other.entries)
      ])
      for (const topic of ["A", "B"]) server.publish(topic)
      yield* settle
      server.shape = "never"
      assert.deepStrictEqual(
        yield* Effect.all([subscriptions.resubscribe("A", "checksum"), subscriptions.resubscribe("A", "sequence")]),
        [true, false]
      )
      yield* settle
      // Nothing is asked before the server has let go.
      assert.deepStrictEqual(
        server.seen.map(({ op, topics }) => [op, ...topics].join(" ")),
        ["subscribe A B", "unsubscribe A"]
      )
      assert.strictEqual(held.state.getUnsafe()._tag, "Waiting")
      assert.isFalse(yield* subscriptions.resubscribe("A", "checksum"))
      server.shape = "request"
      server.say([...server.peers.keys()][0]!, { ack: server.seen[1]!.id })
      yield* settle
      yield* held.confirmed
      for (const topic of ["A", "B"]) server.publish(topic)
      yield* settle
      assert.deepStrictEqual(
        server.seen.map(({ op, topics }) => [op, ...topics].join(" ")),
        ["subscribe A B", "unsubscribe A", "subscribe A"]
      )
      assert.deepStrictEqual(
        [a, twin, b].map(({ items }) => items.map(brief).join(" ")),
        ["1 gap:checksum 2", "1 gap:checksum 2", "1 2"]
      )
      assert.deepStrictEqual(
        events.items.map((event) => (event._tag === "Resubscribed" ? `${event.topic} ${event.why}` : event._tag)),
        ["A checksum"]
      )
      assert.strictEqual((yield* subscriptions.figures).resubscribed, 1)
    })
  )

  it.effect("what still comes of the old subscription stands before the last Gap", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made()
      const a = yield* collect(subscriptions.entries("A"))
      server.publish("A")
      yield* settle
      server.shape = "never"
      yield* subscriptions.resubscribe("A", "custom:crossed")
      yield* settle
      const [peer] = [...server.peers.keys()]
      server.say(peer!, { topic: "A", seq: 2 })
      yield* settle
      server.shape = "request"
      server.say(peer!, { ack: server.seen[1]!.id })
      yield* settle
      server.say(peer!, { topic: "A", seq: 7 })
      yield* settle
      assert.deepStrictEqual(a.items.map(brief), ["1", "gap:custom:crossed", "2", "gap:custom:crossed", "7"])
    })
  )

  it.effect("needs no `unsubscribe`: the topic is asked for again", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made({ unsubscribe: undefined })
      const a = yield* collect(subscriptions.entries("A"))
      server.publish("A")
      yield* settle
      assert.isTrue(yield* subscriptions.resubscribe("A", "sequence"))
      yield* settle
      server.publish("A")
      yield* settle
      assert.deepStrictEqual(a.items.map(brief), ["1", "gap:sequence", "2"])
      assert.deepStrictEqual(server.doubled, ["A"])
    })
  )

  it.effect("does nothing for a topic that nobody has, or that is not confirmed yet", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made()
      assert.isFalse(yield* subscriptions.resubscribe("A", "sequence"))
      server.shape = "never"
      yield* subscriptions.subscribe("A")
      yield* settle
      assert.isFalse(yield* subscriptions.resubscribe("A", "sequence"))
      assert.strictEqual(server.seen.length, 1)
      assert.strictEqual((yield* subscriptions.figures).resubscribed, 0)
    })
  )

  it.effect("a rotation that comes before the request counts as the new subscription, with the Gap", () =>
    Effect.gen(function* () {
      const { connection, server, subscriptions } = yield* made({ rateLimit: RateLimit.make({ minGap: "30 seconds" }) })
      const a = yield* collect(subscriptions.entries("A"))
      server.publish("A")
      yield* settle
      assert.isTrue(yield* subscriptions.resubscribe("A", "checksum"))
      yield* settle
      const rotation = yield* Effect.forkScoped(connection.restart({ mode: "makeFirst" }))
      yield* pass(2000)
      yield* Fiber.join(rotation)
      server.publish("A")
      yield* pass(60_000, 1000)
      assert.deepStrictEqual(a.items.map(brief), ["1", "gap:checksum", "2"])
      assert.deepStrictEqual(
        server.seen.map(({ epoch, op }) => `${epoch} ${op}`),
        ["1 subscribe", "2 subscribe"]
      )
      yield* closed(connection)
    })
  )

  it.effect("on a pool it goes to the member that carries the topic", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* sharded({ pool: { max: 2, maxCount: 1 } })
      const a = yield* collect(subscriptions.entries("A"))
      const b = yield* collect(subscriptions.entries("B"))
      for (const topic of ["A", "B"]) server.publish(topic)
      yield* settle
      assert.deepStrictEqual(
        yield* Effect.all([subscriptions.resubscribe("B", "sequence"), subscriptions.resubscribe("C", "sequence")]),
        [true, false]
      )
      yield* settle
      for (const topic of ["A", "B"]) server.publish(topic)
      yield* settle
      assert.deepStrictEqual(
        [a, b].map(({ items }) => items.map(brief).join(" ")),
        ["1 2", "1 gap:sequence 2"]
      )
      const asked = server.seen.filter(({ topics }) => topics.includes("B")).map(({ op }) => op)
      assert.deepStrictEqual(asked, ["subscribe", "unsubscribe", "subscribe"])
      assert.strictEqual(new Set(server.seen.slice(-2).map(({ peer }) => peer)).size, 1)
    })
  )
})
