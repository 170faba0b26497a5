/**
 * Proves the quarantine: a topic whose subscription ends its session is found
 * among all others in few sessions, is asked for no more, and says so; the others
 * are subscribed. A cut by the network, a server in trouble, a silent peer and a
 * restart of our own put nobody there. A quarantine ends by itself or on demand.
 * Random histories prove the same of many topics on one connection and on a pool.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as Fault from "kharbranth/testing/Fault"
import { Quarantine } from "../../src/internal/subscriptions/asking/quarantine.ts"
import { histories } from "./quarantineModel.ts"
import { sharded, spread } from "./shardedRig.ts"
import { collect, names } from "./topicNews.ts"
import { type FromServer, options, rig, type ToServer } from "./topicServer.ts"
import { closingInTime, pass } from "../support/passing.ts"

const made = (overrides: Partial<Subscriptions.Options<string, FromServer, ToServer>> = {}) =>
  Effect.gen(function* () {
    const line = yield* closingInTime(rig({ network: { latency: 20 } }))
    const subscriptions = yield* line.network.provide(Subscriptions.make(line.connection, { ...options, ...overrides }))
    const { items: events } = yield* collect(subscriptions.events)
    const happened = () => events.map(({ _tag }) => _tag)
    return { ...line, subscriptions, events, happened }
  })

const stateOf = (subscription: Subscriptions.Subscription<unknown>) => subscription.state.getUnsafe()

describe("the quarantine", () => {
  it.effect("finds one deadly topic of 16 in 7 sessions, and subscribes the others", () =>
    Effect.gen(function* () {
      const { events, server, subscriptions } = yield* made()
      server.deadly.add("T11")
      const held = yield* Effect.forEach(names(16), (topic) => subscriptions.subscribe(topic))
      const waiting = yield* Effect.forkScoped(Effect.flip(held[11]!.confirmed))
      yield* pass(120_000, 250)
      assert.deepStrictEqual(
        held.map((subscription) => stateOf(subscription)._tag),
        held.map((_, n) => (n === 11 ? "Quarantined" : "Confirmed"))
      )
      assert.isAtMost(server.killed, 7)
      assert.strictEqual(server.sockets, server.killed + 1)
      const reason = "2 sessions in a row ended when it was asked for alone, the last by ConnectionDropped"
      const found = events.filter(({ _tag }) => _tag === "Quarantined")
      assert.deepStrictEqual(found, [{ _tag: "Quarantined", epoch: server.killed, topic: "T11", reason }])
      const state = stateOf(held[11]!)
      assert.isTrue(state._tag === "Quarantined" && state.reason === reason && state.until === state.since + 1_800_000)
      const error = yield* Effect.flip(held[11]!.confirmed)
      assert.include(error.message, `topic "T11" is not subscribed: it is in quarantine, since 2 sessions`)
      assert.strictEqual(waiting.pollUnsafe()?._tag, "Success")
      assert.strictEqual((yield* subscriptions.figures).quarantined, 1)
    })
  )

  it.effect(
    "a deadly topic on a connection that works costs three sessions, and the others nothing but a Gap each",
    () =>
      Effect.gen(function* () {
        const { server, subscriptions } = yield* made()
        const good = yield* subscriptions.subscribe("A")
        const { items } = yield* collect(good.entries)
        yield* pass(1_000)
        server.deadly.add("X")
        const bad = yield* subscriptions.subscribe("X")
        for (let second = 0; second < 40; second++) {
          server.publish("A")
          yield* pass(1_000)
        }
        assert.strictEqual(stateOf(bad)._tag, "Quarantined")
        assert.strictEqual(server.killed, 3)
        assert.deepStrictEqual(items.filter(({ _tag }) => _tag === "Gap").length, 3)
        // New topics are asked for as ever.
        const late = yield* subscriptions.subscribe("B")
        yield* pass(1_000)
        assert.strictEqual(stateOf(late)._tag, "Confirmed")
        assert.strictEqual(server.sockets, 4)
      })
  )

  it.effect("a topic that is alone on its connection is given time to see that the session works without it", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made()
      server.deadly.add("X")
      const bad = yield* subscriptions.subscribe("X")
      yield* pass(60_000, 250)
      assert.strictEqual(stateOf(bad)._tag, "Quarantined")
      assert.strictEqual(server.killed, 4)
      assert.deepStrictEqual(
        server.seen.map(({ peer }) => peer),
        [1, 2, 3, 4]
      )
    })
  )

  it.effect("asks for nothing else while a suspect is unanswered, so that nobody else is blamed", () =>
    Effect.gen(function* () {
      const { events, server, subscriptions } = yield* made()
      yield* subscriptions.subscribe("A")
      yield* pass(1_000)
      server.deadly.add("X")
      yield* subscriptions.subscribe("X")
      while (server.killed < 2) yield* pass(5, 5)
      // The server has the request, and the client does not know yet what it did.
      const fresh = yield* subscriptions.subscribe("B")
      yield* pass(30_000, 250)
      assert.strictEqual(stateOf(fresh)._tag, "Confirmed")
      const blamed = events.flatMap((event) => (event._tag === "Suspected" ? [event.topics] : []))
      assert.deepStrictEqual(blamed, [["X"], ["X"], ["X"]])
    })
  )

  it.effect("forgets a cut that hits an unanswered batch, as soon as the next session answers", () =>
    Effect.gen(function* () {
      const { happened, server, subscriptions } = yield* made()
      server.resets = 1
      const held = yield* Effect.forEach(names(8), (topic) => subscriptions.subscribe(topic))
      yield* pass(2_000)
      for (let turn = 0; turn < 5; turn++) {
        assert.isTrue(held.every((subscription) => stateOf(subscription)._tag === "Confirmed"))
        // The whole batch goes at once again: nothing is remembered.
        const before = server.seen.length
        server.resets = 1
        yield* Effect.forkScoped(subscriptions.resubscribe("T0", "sequence"))
        yield* pass(1_000)
        assert.isAbove(server.seen.length, before)
        yield* pass(20_000, 250)
      }
      assert.notInclude(happened(), "Quarantined")
    })
  )

  it.effect("a server in trouble, that ends every session for an hour without an answer, puts nobody there", () =>
    Effect.gen(function* () {
      const { happened, server, subscriptions } = yield* made()
      const held = yield* Effect.forEach(names(10), (topic) => subscriptions.subscribe(topic))
      yield* pass(20_000, 250)
      server.shape = "never"
      for (let minute = 0; minute < 60; minute++) {
        for (const peer of server.peers.values()) yield* peer.reset
        for (let step = 0; step < 30; step++) {
          yield* pass(2_000, 500)
          for (const peer of server.peers.values()) yield* peer.reset
        }
      }
      server.shape = "request"
      yield* pass(30_000, 250)
      assert.notInclude(happened(), "Quarantined")
      assert.deepStrictEqual([...new Set(held.map((subscription) => stateOf(subscription)._tag))], ["Confirmed"])
      assert.isAbove(server.sockets, 300)
    })
  )

  it.effect("neither a peer that falls silent nor a restart of ours makes suspects", () =>
    Effect.gen(function* () {
      const { connection, happened, network, server, subscriptions } = yield* made()
      server.shape = "never"
      const topic = yield* subscriptions.subscribe("A")
      yield* pass(1_000)
      yield* Effect.forkScoped(connection.restart())
      yield* pass(1_000)
      yield* network.inject(Fault.halfOpen())
      yield* pass(60_000, 500)
      server.shape = "request"
      yield* network.inject(Fault.reset())
      yield* pass(60_000, 500)
      assert.strictEqual(stateOf(topic)._tag, "Confirmed")
      assert.deepStrictEqual(
        happened().filter((tag) => tag === "Suspected" || tag === "Quarantined"),
        []
      )
    })
  )

  it.effect("ends after a time: one more death brings it back, an answer heals it", () =>
    Effect.gen(function* () {
      const { happened, server, subscriptions } = yield* made({ quarantine: { lasts: "5 minutes" } })
      yield* subscriptions.subscribe("A")
      server.deadly.add("X")
      const bad = yield* subscriptions.subscribe("X")
      yield* pass(60_000, 500)
      assert.strictEqual(server.killed, 3)
      yield* pass(300_000, 1_000)
      assert.strictEqual(server.killed, 4)
      assert.strictEqual(stateOf(bad)._tag, "Quarantined")
      assert.strictEqual(happened().filter((tag) => tag === "Quarantined").length, 2)
      server.deadly.clear()
      yield* pass(300_000, 1_000)
      assert.strictEqual(stateOf(bad)._tag, "Confirmed")
      yield* bad.confirmed
      assert.strictEqual(server.killed, 4)
    })
  )

  it.effect("ends on demand", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made({ quarantine: { lasts: "Infinity" } })
      yield* subscriptions.subscribe("A")
      server.deadly.add("X")
      const bad = yield* subscriptions.subscribe("X")
      yield* pass(60_000, 500)
      yield* pass(7_200_000, 60_000)
      const state = stateOf(bad)
      assert.isTrue(state._tag === "Quarantined" && state.until === undefined)
      assert.deepStrictEqual([yield* subscriptions.retry("A"), yield* subscriptions.retry("nobody's")], [false, false])
      server.deadly.clear()
      assert.isTrue(yield* subscriptions.retry("X"))
      yield* pass(1_000)
      assert.strictEqual(stateOf(bad)._tag, "Confirmed")
    })
  )

  it.effect("a topic that nobody wants any more stays there for who wants it next", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made()
      yield* subscriptions.subscribe("A")
      server.deadly.add("X")
      const scope = yield* Scope.make()
      yield* Scope.provide(subscriptions.subscribe("X"), scope)
      yield* pass(60_000, 500)
      yield* Scope.close(scope, Exit.void)
      yield* pass(1_000)
      const again = yield* subscriptions.subscribe("X")
      yield* pass(20_000, 500)
      assert.strictEqual(stateOf(again)._tag, "Quarantined")
      assert.strictEqual(server.killed, 3)
    })
  )

  it.effect("can be turned off", () =>
    Effect.gen(function* () {
      const { happened, server, subscriptions } = yield* made({ quarantine: false })
      server.deadly.add("X")
      const held = yield* Effect.forEach(["A", "X"], (topic) => subscriptions.subscribe(topic))
      yield* pass(120_000, 500)
      assert.isAbove(server.killed, 10)
      assert.deepStrictEqual(
        held.map((subscription) => stateOf(subscription)._tag),
        ["Waiting", "Waiting"]
      )
      assert.notInclude(happened(), "Suspected")
    })
  )

  it.effect("without acknowledgements it is off by default, and judges by data where it is on", () =>
    Effect.gen(function* () {
      const { server, subscriptions } = yield* made({ acks: false, quarantine: {} })
      server.shape = "none"
      server.deadly.add("X")
      const held = yield* Effect.forEach(["A", "B", "X", "C"], (topic) => subscriptions.subscribe(topic))
      for (let turn = 0; turn < 120; turn++) {
        server.publish("A")
        yield* pass(1_000, 250)
      }
      assert.deepStrictEqual(
        held.map((subscription) => stateOf(subscription)._tag),
        ["Confirmed", "Confirmed", "Quarantined", "Confirmed"]
      )
      const quiet = yield* made({ acks: false })
      quiet.server.shape = "none"
      yield* quiet.subscriptions.subscribe("A")
      yield* pass(1_000)
      yield* quiet.network.inject(Fault.reset())
      yield* pass(10_000, 250)
      assert.deepStrictEqual(quiet.happened(), [])
    })
  )

  it.effect("on a pool, only the member that carries the topic pays, and its guilt goes along", () =>
    Effect.gen(function* () {
      const { manager, network, pool, server, subscriptions } = yield* sharded({
        network: { latency: 20 },
        pool: { min: 2, max: 4, maxCount: 8 }
      })
      server.deadly.add("T4")
      const held = yield* Effect.forEach(names(12), (topic) => subscriptions.subscribe(topic))
      yield* pass(4_000)
      const carrier = pool.find("T4")!.name
      const other = (yield* pool.members).find(({ name }) => name !== carrier)!.name
      assert.isAbove(server.killed, 1)
      // The member dies in the middle of the search.
      yield* Effect.forkScoped(manager.close(carrier))
      yield* pass(120_000, 250)
      assert.deepStrictEqual(
        held.map((subscription) => stateOf(subscription)._tag),
        held.map((_, n) => (n === 4 ? "Quarantined" : "Confirmed"))
      )
      assert.isAtMost(server.killed, 7)
      assert.deepStrictEqual(spread(server).join(" ").split(" ").length, 11)
      assert.isDefined(yield* manager.get(other))
      assert.strictEqual(yield* network.open, (yield* pool.members).length)
    })
  )

  it.effect("refuses options that are not usable", () =>
    Effect.gen(function* () {
      const { connection } = yield* rig()
      for (const [quarantine, path] of [
        [{ within: 0 }, "within"],
        [{ deaths: 0 }, "deaths"],
        [{ lasts: -1 }, "lasts"]
      ] as const) {
        const error = yield* Effect.flip(Subscriptions.make(connection, { ...options, quarantine }))
        assert.strictEqual(error.path.join("."), `subscriptions.quarantine.${path}`)
      }
    })
  )
})

histories(10)

describe("the search", () => {
  const ending = { hasWorked: true, by: "ConnectionDropped", mono: 0, wall: 0 }
  const search = () => new Quarantine({ within: 5_000, deaths: 2, lasts: 60_000 })
  /** Asks for these, and ends their session. */
  const die = (quarantine: Quarantine, keys: ReadonlyArray<string>, hasWorked = true) => {
    quarantine.ask(keys)
    return quarantine.blame(keys, { ...ending, hasWorked })
  }

  it("halves what ended a session, and asks last for what ended one last", () => {
    const quarantine = search()
    assert.isTrue(quarantine.isIdle)
    assert.isUndefined(die(quarantine, ["a", "b", "c", "d"]))
    const missing = ["a", "b", "c", "d", "e"]
    assert.deepStrictEqual(quarantine.next(missing, true), ["a", "b"])
    die(quarantine, ["a", "b"])
    assert.deepStrictEqual(quarantine.next(missing, true), ["c", "d"])
    assert.isTrue(quarantine.clear("c"))
    assert.isTrue(quarantine.clear("d"))
    assert.isFalse(quarantine.clear("e"))
    assert.deepStrictEqual(quarantine.next(missing, true), ["a"])
    assert.deepStrictEqual(quarantine.next(missing, false), [])
  })

  it("counts only sessions that had worked, and only in a row", () => {
    const quarantine = search()
    die(quarantine, ["a"])
    die(quarantine, ["a"], false)
    die(quarantine, ["a"])
    quarantine.clear("a")
    die(quarantine, ["a"])
    assert.isUndefined(die(quarantine, ["a"]))
    assert.strictEqual(die(quarantine, ["a"]), "a")
    assert.isFalse(quarantine.isSuspect("a"))
    assert.strictEqual(
      quarantine.nextEnd(() => true),
      60_000
    )
    assert.strictEqual(
      quarantine.nextEnd(() => false),
      Infinity
    )
  })

  it("takes one cut that ends the sessions of several members as one proof", () => {
    const quarantine = search()
    quarantine.blame(["a", "b"], ending)
    // The topics have moved to another member, which has not asked for them as suspects yet.
    quarantine.blame(["a", "b"], ending)
    assert.deepStrictEqual(quarantine.next(["a", "b"], true), ["a"])
    assert.isUndefined(die(quarantine, ["a"]))
    // A death that nobody asked for is none.
    assert.isUndefined(quarantine.blame(["a"], ending))
    assert.strictEqual(die(quarantine, ["a"]), "a")
  })
})
