/**
 * Proves subscriptions on a pool: topics are spread within the caps of its
 * members and each is asked for once; a session of a member gets its topics
 * before it is Ready, and nobody else's; when a member dies its topics are
 * subscribed by others, whose subscribers see one `Gap` and nothing twice; what
 * finds no room waits for it or is refused, typed; a member without topics does
 * not stay until its server cuts it; and nothing outlives the pool.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as ConnectionPool from "kharbranth/ConnectionPool"
import * as Subscriptions from "kharbranth/Subscriptions"
import { plain, rig } from "../manager/managerRig.ts"
import { sharded, spread } from "./shardedRig.ts"
import { histories } from "./shardedModel.ts"
import { options } from "./topicServer.ts"
import { pass, settle } from "../support/passing.ts"
import { brief, collect, names } from "./topicNews.ts"

describe("Subscriptions on a pool", () => {
  it.effect("spreads topics within the caps, opens members as they fill, and refuses what nobody can carry", () =>
    Effect.gen(function* () {
      const { network, pool, server, subscriptions } = yield* sharded({ pool: { max: 3, maxCount: 4 } })
      const held = yield* Effect.forEach(names(12), (topic) => subscriptions.subscribe(topic))
      yield* settle
      for (const { confirmed } of held) yield* confirmed
      assert.deepStrictEqual(spread(server), ["T0 T1 T2 T3", "T4 T5 T6 T7", "T10 T11 T8 T9"])
      assert.deepStrictEqual(server.doubled, [])
      assert.strictEqual(yield* network.open, 3)
      const error = yield* Effect.flip(Effect.scoped(subscriptions.subscribe("T12")))
      assert.deepStrictEqual([error._tag, error._tag === "PoolFull" && error.item], ["PoolFull", "T12"])
      const streamed = yield* Effect.flip(Stream.runDrain(subscriptions.stream("T12")))
      assert.strictEqual(streamed._tag, "PoolFull")
      assert.deepStrictEqual(
        (yield* pool.members).map(({ count }) => count),
        [4, 4, 4]
      )
      const { confirmed, requests, topics } = yield* subscriptions.figures
      assert.deepStrictEqual([confirmed, topics], [12, 12])
      assert.isAtMost(requests, 12)
    })
  )

  it.effect("counts a topic's size against the members' maxSize", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* sharded({
        pool: { max: 2, maxSize: 10 },
        options: { size: (topic) => topic.length }
      })
      for (const topic of ["aaaaaa", "bbbbbb", "cccc"]) yield* subscriptions.subscribe(topic)
      yield* settle
      assert.deepStrictEqual(spread(server), ["aaaaaa cccc", "bbbbbb"])
      assert.strictEqual((yield* Effect.flip(Effect.scoped(subscriptions.subscribe("d".repeat(11)))))._tag, "PoolFull")
    })
  )

  it.effect("a member that dies: its topics go on elsewhere after one Gap, the others notice nothing", () =>
    Effect.gen(function* () {
      const { manager, server, subscriptions } = yield* sharded({ pool: { min: 2, max: 3, maxCount: 4 } })
      const topics = names(6)
      const readers = yield* Effect.forEach(topics, (topic) => collect(subscriptions.entries(topic)))
      const publish = Effect.sync(() => topics.forEach((topic) => server.publish(topic)))
      yield* publish
      yield* settle
      // T0 T2 T4 | T1 T3 T5
      yield* Effect.forkScoped(manager.close("md/0"))
      yield* pass(300)
      yield* publish
      yield* settle
      const moved = ["1", "gap:session", "2"]
      const stayed = ["1", "2"]
      assert.deepStrictEqual(
        readers.map(({ items }) => items.map(brief)),
        [moved, stayed, moved, stayed, moved, stayed]
      )
      assert.deepStrictEqual(spread(server).toSorted(), ["T0 T1 T3 T5", "T2 T4"])
      assert.deepStrictEqual(server.doubled, [])
    })
  )

  it.effect("a member that only reconnects gets its own topics again, once, before it is Ready", () =>
    Effect.gen(function* () {
      const { manager, server, subscriptions } = yield* sharded({
        pool: { min: 2, maxCount: 4 },
        network: { latency: 20 }
      })
      yield* pass(100)
      const readers = yield* Effect.forEach(names(4), (topic) => collect(subscriptions.entries(topic)))
      yield* pass(100)
      names(4).forEach((topic) => server.publish(topic))
      yield* pass(100)
      const before = server.seen.length
      const connection = yield* manager.get("md/1")
      const ready: Array<ReadonlyArray<string>> = []
      yield* Effect.forkScoped(
        Stream.runForEach(connection.state.changes, (state) =>
          Effect.sync(() => {
            if (state._tag === "Connected" && state.epoch === 2 && ready.length === 0) ready.push(spread(server))
          })
        )
      )
      const restarted = yield* Effect.forkScoped(manager.restart("md/1"))
      yield* pass(8000, 20)
      yield* Fiber.join(restarted)
      assert.deepStrictEqual(
        server.seen.slice(before).map(({ op, topics }) => `${op} ${topics.join(" ")}`),
        ["subscribe T1 T3"]
      )
      assert.deepStrictEqual(ready, [["T0 T2", "T1 T3"]])
      names(4).forEach((topic) => server.publish(topic))
      yield* pass(100)
      assert.deepStrictEqual(
        readers.map(({ items }) => items.map(brief).join(" ")),
        ["1 2", "1 gap:session 2", "1 2", "1 gap:session 2"]
      )
    })
  )

  it.effect("what has lost its member and finds no room waits for it", () =>
    Effect.gen(function* () {
      const { manager, pool, server, subscriptions } = yield* sharded({ pool: { min: 2, max: 2, maxCount: 2 } })
      const scope = yield* Scope.make()
      const [a, b] = yield* Effect.forEach(["A", "B"], (topic) => subscriptions.subscribe(topic))
      yield* Scope.provide(subscriptions.subscribe("C"), scope)
      const d = yield* subscriptions.subscribe("D")
      const reader = yield* collect(d.entries)
      yield* settle
      // A C | B D
      server.publish("D")
      yield* settle
      yield* manager.close("md/1").pipe(Effect.forkScoped)
      // The next member must be dialed first.
      yield* Stream.runHead(Stream.filter(d.state.changes, ({ _tag }) => _tag === "Waiting"))
      assert.strictEqual(a!.state.getUnsafe()._tag, "Confirmed")
      yield* pass(500)
      yield* b!.confirmed
      yield* d.confirmed
      assert.strictEqual(yield* pool.waiting, 0)
      server.publish("D")
      yield* settle
      assert.deepStrictEqual(reader.items.map(brief), ["1", "gap:session", "2"])
      yield* Scope.close(scope, Exit.void)
      yield* settle
      assert.deepStrictEqual(spread(server).toSorted(), ["A", "B D"])
    })
  )

  it.effect("two subscribers are one item, in any order of coming and going", () =>
    Effect.gen(function* () {
      const { pool, server, subscriptions } = yield* sharded({ pool: { max: 1, maxCount: 1 } })
      const scopes = [yield* Scope.make(), yield* Scope.make(), yield* Scope.make()] as const
      const hold = (scope: Scope.Scope) => Scope.provide(subscriptions.subscribe("A"), scope)
      yield* Effect.forEach(scopes.slice(0, 2), hold, { concurrency: "unbounded" })
      yield* settle
      assert.strictEqual((yield* Effect.flip(Effect.scoped(subscriptions.subscribe("B"))))._tag, "PoolFull")
      yield* Scope.close(scopes[0], Exit.void)
      // The last goes while the next comes.
      const both = [Scope.close(scopes[1], Exit.void), hold(scopes[2])] as const
      yield* Effect.all(both, { concurrency: "unbounded" })
      yield* settle
      assert.deepStrictEqual(spread(server), ["A"])
      assert.deepStrictEqual(
        (yield* subscriptions.topics).map(({ subscribers, topic }) => [topic, subscribers]),
        [["A", 1]]
      )
      yield* Scope.close(scopes[2], Exit.void)
      yield* settle
      assert.deepStrictEqual([spread(server), (yield* pool.members)[0]?.count], [[], 0])
      yield* Effect.scoped(subscriptions.subscribe("B"))
    })
  )

  it.effect("who joins a confirmed topic is told when its member dies, even before the first message", () =>
    Effect.gen(function* () {
      const { manager, server, subscriptions } = yield* sharded({ pool: { min: 2, maxCount: 2 } })
      const first = yield* subscriptions.subscribe("A")
      yield* settle
      yield* first.confirmed
      const second = yield* collect(subscriptions.entries("A"))
      yield* Effect.forkScoped(manager.close("md/0"))
      yield* pass(300)
      server.publish("A")
      yield* settle
      assert.deepStrictEqual(second.items.map(brief), ["gap:session", "1"])
    })
  )

  it.effect("silence restarts the member that carries the topic, and no other", () =>
    Effect.gen(function* () {
      const { manager, server, subscriptions } = yield* sharded({
        pool: { min: 2, maxCount: 2 },
        options: { dataClock: { first: "5 seconds", ladder: ["restart"] } }
      })
      server.mute.add("A")
      yield* subscriptions.subscribe("A")
      yield* subscriptions.subscribe("B")
      yield* settle
      server.publish("B")
      yield* pass(11_000, 100)
      const epochs = (yield* manager.snapshot).map(({ epoch, name }) => `${name}: ${epoch}`)
      assert.deepStrictEqual(epochs.toSorted(), ["md/0: 2", "md/1: 1"])
      assert.strictEqual((yield* subscriptions.figures).restarts, 1)
    })
  )

  it.effect("the end of the pool ends every stream, and a subscriber that comes late is refused", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(ConnectionPool.shards(manager, "md", { member: () => plain }), scope)
      const subscriptions = yield* Subscriptions.sharded(pool, {
        subscribe: (topics: ReadonlyArray<string>) => topics.join(),
        match: () => undefined
      })
      const held = yield* subscriptions.subscribe("A")
      const confirmed = yield* Effect.forkScoped(Effect.flip(held.confirmed))
      const reader = yield* collect(held.stream)
      yield* Effect.forkScoped(Scope.close(scope, Exit.void))
      yield* pass(6000)
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(reader.fiber)))
      assert.strictEqual((yield* Fiber.join(confirmed))._tag, "SubscriptionRejected")
      const late = yield* Effect.flip(Effect.scoped(subscriptions.subscribe("B")))
      assert.strictEqual(late._tag, "NotConnected")
      assert.strictEqual((yield* Effect.flip(pool.place({ id: "x" })))._tag, "NotConnected")
      assert.deepStrictEqual(yield* manager.names, [])
    })
  )

  it.effect("a member without topics retires before its server cuts it, and is not dialed again", () =>
    Effect.gen(function* () {
      const { network, server, subscriptions } = yield* sharded({ pool: { min: 0, maxCount: 1 } })
      const scope = yield* Scope.make()
      for (const topic of ["A", "B"]) yield* Scope.provide(subscriptions.subscribe(topic), scope)
      const kept = yield* subscriptions.subscribe("C")
      yield* settle
      yield* Scope.close(scope, Exit.void)
      // Servers cut sockets without topics after 30 seconds and more.
      yield* pass(15_000, 1_000)
      assert.strictEqual(yield* network.open, 1)
      assert.deepStrictEqual(spread(server), ["C"])
      yield* pass(600_000, 5_000)
      assert.strictEqual(yield* network.open, 1)
      assert.strictEqual(kept.state.getUnsafe()._tag, "Confirmed")
      // What is wanted again gets a member again.
      const again = yield* subscriptions.subscribe("A")
      yield* settle
      yield* again.confirmed
      assert.deepStrictEqual(spread(server), ["C", "A"])
    })
  )

  it.effect("options that are not usable are refused with their path", () =>
    Effect.gen(function* () {
      const { pool } = yield* sharded()
      const error = yield* Effect.flip(Subscriptions.sharded(pool, { ...options, attempts: 0 }))
      assert.deepStrictEqual([error.connection, error.path.join(".")], ["md", "subscriptions.attempts"])
    })
  )

  it.effect("many topics: a thousand are confirmed by five members in few messages", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* sharded({ pool: { max: 5, maxCount: 200 } })
      yield* Effect.forEach(names(1000), (topic) => subscriptions.subscribe(topic), { concurrency: "unbounded" })
      yield* settle
      yield* TestClock.adjust("1 second")
      const { confirmed, requests } = yield* subscriptions.figures
      assert.strictEqual(confirmed, 1000)
      assert.isAtMost(requests, 20)
      assert.deepStrictEqual(
        [...server.granted.values()].map(({ size }) => size),
        [200, 200, 200, 200, 200]
      )
    })
  )
})

histories(30)
