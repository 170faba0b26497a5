/**
 * Proves that wanted topics stay subscribed: acknowledgements of every shape,
 * batches within count and bytes, rate limits, refusals, reference counts, one
 * replay for each session before it is Ready, gaps exactly where messages may be
 * missing, bounded streams in which a slow reader slows nobody, and the ladder
 * of the data clock from event to restart.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as RateLimit from "kharbranth/RateLimit"
import * as Connection from "kharbranth/Connection"
import * as Subscriptions from "kharbranth/Subscriptions"
import type { SubscriptionEvent } from "kharbranth/Subscriptions"
import * as Fault from "kharbranth/testing/Fault"
import { type AckShape, type FromServer, options, rig, type ToServer } from "./topicServer.ts"
import { closed, pass, settle } from "../support/passing.ts"
import { brief, collect, names } from "./topicNews.ts"

type Options = Subscriptions.Options<string, FromServer, ToServer>

const made = (overrides: Partial<Options> = {}, network = {}) =>
  Effect.gen(function* () {
    const line = yield* rig({ network })
    const subscriptions = yield* line.network.provide(Subscriptions.make(line.connection, { ...options, ...overrides }))
    return { ...line, subscriptions }
  })

describe("Subscriptions", () => {
  for (const shape of [
    "request",
    "each",
    "current",
    "listed",
    "both",
    "none"
  ] as const satisfies ReadonlyArray<AckShape>) {
    it.effect(`confirms topics by acknowledgements of the shape "${shape}"`, () =>
      Effect.gen(function* () {
        const { server, subscriptions } = yield* made({ acks: shape !== "none" })
        server.shape = shape
        const a = yield* subscriptions.subscribe("A")
        const b = yield* subscriptions.subscribe("B")
        assert.strictEqual(a.state.getUnsafe()._tag, "Waiting")
        yield* settle
        yield* a.confirmed
        yield* b.confirmed
        const { epoch, ...state } = a.state.getUnsafe() as { _tag: string; epoch: number; since: number }
        assert.deepStrictEqual([state._tag, epoch], ["Confirmed", 1])
        assert.deepStrictEqual(
          server.seen.map(({ op, topics }) => [op, ...topics]),
          [["subscribe", "A", "B"]]
        )
        const news = yield* collect(a.stream)
        server.publish("A")
        server.publish("B")
        server.publish("A")
        yield* settle
        assert.deepStrictEqual(
          news.items.map(({ seq }) => seq),
          [1, 2]
        )
        assert.strictEqual((yield* subscriptions.figures).confirmed, 2)
      })
    )
  }

  it.effect("counts references: the first subscribes, the last unsubscribes, each has a stream of its own", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made()
      const scopes = [yield* Scope.make(), yield* Scope.make()]
      const held = yield* Effect.forEach(scopes, (scope) => Scope.provide(subscriptions.subscribe("A"), scope))
      const [one, two] = yield* Effect.forEach(held, ({ stream }) => collect(stream))
      yield* settle
      server.publish("A")
      yield* settle
      yield* Scope.close(scopes[0]!, Exit.void)
      yield* settle
      assert.deepStrictEqual(server.held, ["A"])
      server.publish("A")
      yield* settle
      assert.deepStrictEqual([one!.items.length, two!.items.length], [1, 2])
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(one!.fiber)))
      yield* Scope.close(scopes[1]!, Exit.void)
      yield* settle
      assert.deepStrictEqual(server.held, [])
      assert.strictEqual(held[0]!.state.getUnsafe()._tag, "Released")
      assert.deepStrictEqual(yield* subscriptions.topics, [])
    })
  )

  it.effect("batches by count and by bytes, and rejects a topic that alone is too large", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made({ batch: { items: 10, bytes: 75 } })
      const topics = [...names(24), "x".repeat(90), ...names(30).slice(24)]
      const held = yield* Effect.forEach(topics, (topic) => subscriptions.subscribe(topic))
      yield* settle
      assert.deepStrictEqual(server.held, names(30).toSorted())
      for (const { bytes, topics } of server.seen) {
        assert.isAtMost(bytes, 75)
        assert.isAtMost(topics.length, 10)
      }
      // Bytes bind here: no two neighbours would have fitted into one message.
      const sizes = server.seen.map(({ topics }) => topics.length)
      assert.isBelow(Math.max(...sizes), 10)
      assert.deepStrictEqual(sizes.slice(0, 2), [7, 7])
      const error = yield* Effect.flip(held[24]!.confirmed)
      assert.include(error.message, "larger than `batch.bytes`")
      yield* held[29]!.confirmed
    })
  )

  it.effect("keeps its rate limit, in the opening and after, and Ready does not wait for ever", () =>
    Effect.gen(function* () {
      const { connection, network, server, subscriptions } = yield* made({
        batch: { items: 1 },
        rateLimit: RateLimit.make({ minGap: "500 millis" }),
        openWithin: "2 seconds"
      })
      yield* Effect.forEach(names(12), (topic) => subscriptions.subscribe(topic))
      yield* pass(6000)
      assert.strictEqual(server.held.length, 12)
      yield* network.inject(Fault.reset())
      yield* pass(9000)
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
      assert.strictEqual(server.held.length, 12)
      assert.deepStrictEqual(server.doubled, [])
      for (const epoch of [1, 2]) {
        const times = server.seen.filter((seen) => seen.epoch === epoch).map(({ at }) => at)
        assert.strictEqual(times.length, 12)
        for (const [index, at] of times.entries()) assert.isTrue(index === 0 || at - times[index - 1]! >= 500)
      }
    })
  )

  it.effect("replays every topic once for each session, before it is Ready, with one gap for each subscriber", () =>
    Effect.gen(function* () {
      const { connection, network, server, subscriptions } = yield* made({ batch: { items: 2 } })
      const held = yield* Effect.forEach(names(5), (topic) => subscriptions.subscribe(topic))
      yield* settle
      const readers = yield* Effect.forEach(held, ({ entries }) => collect(entries))
      for (const topic of names(5)) server.publish(topic)
      const grantedAtReady: Array<number> = []
      yield* Effect.forkScoped(
        Stream.runForEach(connection.state.changes, (state) =>
          Effect.sync(() => {
            if (state._tag === "Connected" && state.gate === "Ready") grantedAtReady.push(server.held.length)
          })
        )
      )
      yield* settle
      for (let loss = 0; loss < 3; loss++) {
        yield* network.inject(Fault.reset())
        for (const topic of names(5)) server.publish(topic)
        yield* pass(20_000, 500)
        for (const topic of names(5)) server.publish(topic)
        yield* settle
      }
      assert.deepStrictEqual(grantedAtReady.slice(1), [5, 5, 5])
      assert.deepStrictEqual(server.doubled, [])
      for (let epoch = 1; epoch <= 4; epoch++) {
        const asked = server.seen.filter((seen) => seen.epoch === epoch).flatMap(({ topics }) => topics)
        assert.deepStrictEqual(asked.toSorted(), names(5))
      }
      const expected = ["1", "gap:session", "3", "gap:session", "5", "gap:session", "7"]
      for (const { items } of readers) assert.deepStrictEqual(items.map(brief), expected)
    })
  )

  it.effect("rotates without a gap, and with `dedupe` without duplicates", () =>
    Effect.gen(function* () {
      const { connection, server, subscriptions } = yield* made({ dedupe: ({ seq }) => seq }, { latency: 20 })
      yield* TestClock.adjust("1 second")
      const held = yield* subscriptions.subscribe("A")
      yield* TestClock.adjust("1 second")
      const reader = yield* collect(held.entries)
      const traffic = yield* Effect.forkScoped(
        Effect.sync(() => server.publish("A")).pipe(Effect.andThen(Effect.sleep("7 millis")), Effect.forever)
      )
      yield* TestClock.adjust("1 second")
      for (let turn = 0; turn < 3; turn++) {
        const rotation = yield* Effect.forkScoped(connection.restart({ mode: "makeFirst" }))
        yield* pass(2000, 5)
        yield* Fiber.join(rotation)
      }
      yield* Fiber.interrupt(traffic)
      yield* TestClock.adjust("1 second")
      const seqs = reader.items.map(brief).map(Number)
      assert.deepStrictEqual(
        seqs,
        Array.from({ length: seqs.length }, (_, index) => index + 1)
      )
      assert.isAbove(seqs.length, 800)
      assert.strictEqual((yield* subscriptions.figures).duplicates > 0, true)
      assert.deepStrictEqual(server.doubled, [])
      yield* closed(connection)
    })
  )

  for (const [shape, why] of [
    ["listed", "not in the list"],
    ["both", "in the other list"]
  ] as const) {
    it.effect(`takes one answer that grants some topics and refuses others: "${shape}"`, () =>
      Effect.gen(function* () {
        const { server, subscriptions } = yield* made()
        server.shape = shape
        for (const topic of ["B", "D"]) server.refused.add(topic)
        const held = yield* Effect.forEach(["A", "B", "C", "D"], (topic) => subscriptions.subscribe(topic))
        yield* settle
        assert.strictEqual(server.seen.length, 1)
        assert.deepStrictEqual(
          held.map(({ state }) => state.getUnsafe()._tag),
          ["Confirmed", "Rejected", "Confirmed", "Rejected"]
        )
        for (const refused of [held[1]!, held[3]!]) {
          assert.strictEqual((yield* Effect.flip(refused.confirmed)).reason, why)
        }
        yield* pass(30_000, 1000)
        const { ackTimeouts, rejections } = yield* subscriptions.figures
        assert.deepStrictEqual([ackTimeouts, rejections, server.seen.length], [0, 2, 1])
      })
    )
  }

  it.effect("takes an answer with a list of what is refused alone, and waits for what two lists leave out", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made({
        match: (message) =>
          message.failed === undefined
            ? undefined
            : Subscriptions.answer({ id: message.id, refused: message.failed, granted: message.granted })
      })
      server.shape = "never"
      const held = yield* Effect.forEach(["A", "B", "C"], (topic) => subscriptions.subscribe(topic))
      yield* settle
      const states = () => held.map(({ state }) => state.getUnsafe()._tag)
      const [peer] = [...server.peers.keys()]
      const { id } = server.seen[0]!
      server.say(peer!, { id: id + 50, failed: ["A"] })
      yield* settle
      assert.deepStrictEqual(states(), ["Asked", "Asked", "Asked"])
      server.say(peer!, { id, granted: ["C"], failed: [] })
      yield* settle
      assert.deepStrictEqual(states(), ["Asked", "Asked", "Confirmed"])
      server.say(peer!, { id, failed: ["B"] })
      yield* settle
      assert.deepStrictEqual(states(), ["Confirmed", "Rejected", "Confirmed"])
    })
  )

  it.effect("reports a refusal by topic, and tries again with the next session", () =>
    Effect.gen(function* () {
      const { network, server, subscriptions } = yield* made()
      const events = yield* collect(subscriptions.events)
      server.refused.add("BAD")
      const good = yield* subscriptions.subscribe("GOOD")
      const bad = yield* subscriptions.subscribe("BAD")
      yield* settle
      yield* good.confirmed
      const error = yield* Effect.flip(bad.confirmed)
      assert.deepStrictEqual([error._tag, error.topic, error.reason], ["SubscriptionRejected", "BAD", "no such topic"])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(server.seen.length, 1)
      assert.deepStrictEqual(
        events.items.map((event: SubscriptionEvent) => event._tag),
        ["Rejected"]
      )
      server.refused.clear()
      yield* network.inject(Fault.reset())
      yield* TestClock.adjust("5 seconds")
      yield* bad.confirmed
      assert.deepStrictEqual(server.held, ["BAD", "GOOD"])
    })
  )

  it.effect("asks again when no acknowledgement comes, and gives up after so many attempts", () =>
    Effect.gen(function* () {
      const { connection, server, subscriptions } = yield* made({ ackTimeout: "1 second", attempts: 2 })
      server.shape = "never"
      const events = yield* collect(subscriptions.events)
      const { state } = yield* subscriptions.subscribe("A")
      yield* settle
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual([state.getUnsafe()._tag, server.seen.length], ["Asked", 1])
      yield* TestClock.adjust("1 millis")
      yield* settle
      assert.strictEqual(server.seen.length, 2)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([state.getUnsafe()._tag, server.seen.length], ["Rejected", 2])
      assert.deepStrictEqual(
        events.items.map((event) => event._tag),
        ["AckTimedOut", "AckTimedOut", "Rejected"]
      )
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
    })
  )

  it.effect("takes data for an acknowledgement that never came", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made({ ackTimeout: "1 second" })
      server.shape = "never"
      const { confirmed } = yield* subscriptions.subscribe("A")
      yield* settle
      server.publish("A")
      yield* settle
      yield* confirmed
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(server.seen.length, 1)
    })
  )

  it.effect("subscribes again what the server silently dropped from its list, and marks the gap", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made()
      server.shape = "current"
      const a = yield* subscriptions.subscribe("A")
      yield* settle
      const reader = yield* collect(a.entries)
      server.publish("A")
      yield* settle
      const [[peer, held]] = [...server.granted] as [[number, Set<string>]]
      held.delete("A")
      server.say(peer, { current: [] })
      yield* settle
      server.publish("A")
      yield* settle
      assert.deepStrictEqual(reader.items.map(brief), ["1", "gap:resubscribed", "2"])
      assert.strictEqual((yield* subscriptions.figures).resubscribed, 1)
    })
  )

  it.effect("notices acked but silent: an event, then a new subscription, then a restart, ever more patiently", () =>
    Effect.gen(function* () {
      const { connection, server, subscriptions } = yield* made({ dataClock: { first: "10 seconds" } })
      const log: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(subscriptions.events, (event) =>
          Effect.sync(() => log.push(event._tag + (event._tag === "Silent" ? `:${event.delivered}` : "")))
        )
      )
      server.mute.add("A")
      const a = yield* subscriptions.subscribe("A")
      const b = yield* subscriptions.subscribe("B")
      yield* settle
      server.publish("B")
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(log, ["Silent:false"])
      assert.deepStrictEqual([a.state.getUnsafe()._tag, b.state.getUnsafe()._tag], ["Silent", "Confirmed"])
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.deepStrictEqual(log.slice(1), ["Resubscribed"])
      assert.deepStrictEqual(
        server.seen.map(({ op }) => op),
        ["subscribe", "unsubscribe", "subscribe"]
      )
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(log.slice(2), ["RestartAsked"])
      yield* TestClock.adjust("1 second")
      const state = connection.state.getUnsafe()
      assert.strictEqual(state._tag === "Connected" && state.epoch, 2)
      server.publish("B")
      yield* TestClock.adjust("18 seconds")
      assert.strictEqual(log.length, 3)
      server.mute.clear()
      server.publish("A")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([log.length, a.state.getUnsafe()._tag], [3, "Confirmed"])
    })
  )

  it.effect("watches each topic's own quiet, by topic, and recovers with the first data", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made({
        dataClock: { quiet: (topic) => (topic === "BUSY" ? "1 second" : undefined), ladder: [] }
      })
      const busy = yield* subscriptions.subscribe("BUSY")
      const rare = yield* subscriptions.subscribe("RARE")
      yield* settle
      server.publish("BUSY")
      server.publish("RARE")
      yield* TestClock.adjust("900 millis")
      server.publish("BUSY")
      yield* TestClock.adjust("900 millis")
      assert.strictEqual(busy.state.getUnsafe()._tag, "Confirmed")
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual([busy.state.getUnsafe()._tag, rare.state.getUnsafe()._tag], ["Silent", "Confirmed"])
      server.publish("BUSY")
      yield* settle
      assert.strictEqual(busy.state.getUnsafe()._tag, "Confirmed")
      assert.strictEqual((yield* subscriptions.figures).restarts, 0)
    })
  )

  it.effect("a subscriber of a connection that is over, or one that comes after, does not wait in vain", () =>
    Effect.gen(function* () {
      const { connection, server, subscriptions } = yield* made()
      server.shape = "never"
      const early = yield* subscriptions.subscribe("A")
      const waiting = yield* Effect.forkScoped(Effect.flip(early.confirmed))
      yield* settle
      yield* closed(connection)
      assert.include((yield* Fiber.join(waiting)).reason, "over")
      const late = yield* subscriptions.subscribe("B")
      assert.strictEqual((yield* Effect.flip(late.confirmed)).topic, "B")
      yield* Stream.runDrain(early.entries)
      yield* Stream.runDrain(late.stream)
      yield* Stream.runDrain(subscriptions.stream("A"))
    })
  )

  it.effect("a `quiet` that throws, or gives no time, limits nothing; a `dedupe` that throws drops nothing", () =>
    Effect.gen(function* () {
      const broken = (): never => {
        throw new Error("no")
      }
      const { connection, server, subscriptions } = yield* made({
        dataClock: { quiet: (topic) => (topic === "ZERO" ? 0 : broken()) },
        dedupe: broken
      })
      const news = yield* Effect.forEach(["A", "ZERO"], (topic) => collect(subscriptions.stream(topic)))
      yield* settle
      const both = Effect.sync(() => ["A", "ZERO"].forEach((topic) => server.publish(topic)))
      yield* both
      yield* TestClock.adjust("1 day")
      yield* Effect.forkScoped(connection.restart({ mode: "makeFirst" }))
      yield* pass(200)
      yield* both
      yield* pass(30_000, 1000)
      yield* both
      yield* settle
      for (const { items } of news) {
        assert.deepStrictEqual([...new Set(items.map(({ seq }) => seq))], [1, 2, 3])
      }
      const { resubscribed, restarts } = yield* subscriptions.figures
      assert.deepStrictEqual([resubscribed, restarts], [0, 0])
    })
  )

  it.effect("bounds each stream by itself: one slow reader slows nobody, and its losses are marked", () =>
    Effect.gen(function* () {
      const { connection, server, subscriptions } = yield* made({ buffer: { capacity: 10 } })
      const fast = yield* collect((yield* subscriptions.subscribe("A")).entries)
      const slow = yield* subscriptions.subscribe("A")
      const newest = yield* subscriptions.subscribe("A", { capacity: 1 })
      const oldest = yield* subscriptions.subscribe("A", { capacity: 3, overflow: "dropNewest" })
      yield* settle
      for (let n = 0; n < 5000; n++) {
        server.publish("A")
        if (n % 5 === 4) yield* settle
      }
      assert.deepStrictEqual(
        fast.items.map(brief),
        Array.from({ length: 5000 }, (_, n) => String(n + 1))
      )
      const late = yield* Effect.forEach([slow, newest, oldest], ({ entries }) => collect(entries))
      const [slowly, newestOnly, oldestOnly] = late.map(({ items }) => items.map(brief))
      assert.deepStrictEqual(slowly!.slice(0, 2), ["lagged:4990", "4991"])
      assert.strictEqual(slowly!.length, 11)
      assert.deepStrictEqual(newestOnly, ["lagged:4999", "5000"])
      assert.deepStrictEqual(oldestOnly, ["1", "2", "3", "lagged:4997"])
      assert.strictEqual((yield* subscriptions.figures).dropped, 4990 + 4999 + 4997)
      assert.strictEqual((yield* Connection.metrics(connection)).inbox.messages, 0)
    })
  )

  it.effect("keeps a gap that falls among dropped messages, and refuses a second concurrent reader", () =>
    Effect.gen(function* () {
      const { network, server, subscriptions } = yield* made()
      const held = yield* subscriptions.subscribe("A", { capacity: 2 })
      yield* settle
      server.publish("A")
      yield* settle
      yield* network.inject(Fault.reset())
      yield* TestClock.adjust("20 seconds")
      for (let n = 0; n < 5; n++) server.publish("A")
      yield* settle
      const first = yield* collect(held.entries)
      assert.deepStrictEqual(first.items.map(brief), ["lagged:4", "gap:session", "5", "6"])
      const second = yield* Effect.flip(Stream.runDrain(held.stream))
      assert.strictEqual(second._tag, "ReaderBusy")
    })
  )

  it.effect("ends the streams when the connection is closed, and fails them when it gives up", () =>
    Effect.gen(function* () {
      const { connection, subscriptions } = yield* made()
      const reader = yield* collect(subscriptions.stream("A"))
      const closing = yield* Effect.forkScoped(connection.close)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(reader.fiber)))

      const other = yield* made()
      const failing = yield* collect(other.subscriptions.stream("A"))
      yield* other.network.inject(Fault.tlsFailure())
      yield* other.network.inject(Fault.reset())
      yield* TestClock.adjust("1 minute")
      const exit = yield* Fiber.join(failing.fiber)
      assert.isTrue(Exit.isFailure(exit))
    })
  )

  it.effect("refuses topics whose message cannot be made, and bad options by their path", () =>
    Effect.gen(function* () {
      const { connection, subscriptions } = yield* made({
        subscribe: () => {
          throw new Error("no")
        }
      })
      const held = yield* subscriptions.subscribe("A")
      yield* settle
      assert.include((yield* Effect.flip(held.confirmed)).reason, "`subscribe` threw")
      const bad: ReadonlyArray<Partial<Options>> = [
        { ackTimeout: 0 },
        { attempts: 0 },
        { openWithin: "-1 second" },
        { batch: { items: 0 } },
        { batch: { bytes: 1.5 } },
        { buffer: { capacity: 0 } },
        { firstId: -1 },
        { dataClock: { first: 0 } },
        { dataClock: { quiet: 0 } },
        { rateLimit: RateLimit.make({}) }
      ]
      for (const wrong of bad) {
        const error = yield* Effect.flip(Subscriptions.make(connection, { ...options, ...wrong }))
        assert.strictEqual(error._tag, "InvalidOptions")
      }
    })
  )

  it.effect("leaves messages of others to the reader, and takes topics with keys of their own", () =>
    Effect.gen(function* () {
      const { connection, network, server } = yield* rig()
      const subscriptions = yield* network.provide(
        Subscriptions.make(connection, {
          key: (topic: { readonly name: string }) => topic.name,
          subscribe: (topics, id): ToServer => ({ op: "subscribe", topics: topics.map(({ name }) => name), id }),
          match: (message: FromServer) =>
            message.topic === undefined ? Subscriptions.ack(message.ack) : Subscriptions.data([message.topic, "ALL"]),
          firstId: 100
        })
      )
      const one = yield* collect(subscriptions.stream({ name: "A" }))
      const all = yield* collect(subscriptions.stream({ name: "ALL" }))
      server.publish("A")
      const [peer] = [...server.peers.keys()]
      server.say(peer!, { ack: 7 })
      yield* settle
      assert.deepStrictEqual([one.items.length, all.items.length], [1, 1])
      assert.deepStrictEqual(yield* connection.receive, { ack: 7 })
      // Without an `unsubscribe` nothing is said; what still comes is stray.
      yield* Fiber.interrupt(one.fiber)
      server.publish("A")
      yield* settle
      assert.strictEqual((yield* subscriptions.figures).stray, 1)
      assert.strictEqual(server.seen.length, 2)
    })
  )
})
