// Proves how messages end: without a session, by their ttl, confirmed by acks,
// pongs and closes, written again or unknown; and who is told what.
import * as Policy from "../../src/Outbox.ts"
import { oldestAge } from "../../src/internal/connection/use/metrics.ts"
import { assert, describe, it } from "@effect/vitest"
import type { NotConnected } from "../../src/ConnectionError.ts"
import { acks, rig } from "./outboxRig.ts"

describe("without a session", () => {
  it("whenDown decides, before and when it is lost", () => {
    const r = rig({ whenDown: "fail" })
    r.offer("a")
    r.track("b")
    r.offer("c", { whenDown: "drop" })
    r.track("d", { whenDown: "drop" })
    r.offer("e", { whenDown: "hold" })
    assert.deepStrictEqual(r.told(), [
      "a refused NotConnected",
      "b refused NotConnected",
      "c Dropped down",
      "d accepted",
      "d Dropped down"
    ])
    r.buffered = 100
    const writer = r.attach()
    r.offer("f")
    r.offer("g", { whenDown: "drop" })
    r.track("h")
    r.outbox.detach(writer, { clean: false })
    r.outbox.down()
    assert.deepStrictEqual(r.told(), ["h accepted", "f Failed NotConnected", "g Dropped down", "h Failed"])
    assert.deepStrictEqual(r.losses, ["down 1", "down 1", "down 1"])
  })

  it("errors name the state", () => {
    const states: Array<string> = []
    for (const state of [undefined, () => "Paused"]) {
      const error = rig({ whenDown: "fail" }, state).outbox.offer("a", undefined, () => {})
      states.push((error as NotConnected).state)
    }
    assert.deepStrictEqual(states, ["Reconnecting", "Paused"])
  })

  it("ttl: senders fail, trackers hear Expired, at the flush too", () => {
    const r = rig()
    r.offer("a", { ttl: 10 })
    r.track("b", { ttl: 20 })
    r.offer("c", { ttl: "Infinity" })
    assert.deepStrictEqual(r.armed, [10])
    assert.strictEqual(oldestAge(r.outbox, 4), 4)
    r.outbox.wake((r.now = 10))
    assert.deepStrictEqual(r.armed, [10, 20])
    r.now = 20
    r.attach()
    assert.deepStrictEqual(r.sent(), ["c"])
    assert.deepStrictEqual(r.told(), ["b accepted", "a Failed SendExpired", "b Expired", "c Written"])
    assert.deepStrictEqual(r.losses, ["expired 1", "expired 1"])
    assert.isUndefined(oldestAge(r.outbox, 30))
  })

  it("no ttl: waits for ever", () => {
    const r = rig({ ttl: undefined })
    r.offer("a")
    r.outbox.wake((r.now = 1e9))
    assert.deepStrictEqual([r.told(), r.armed, r.outbox.depth], [[], [], 1])
  })

  it("withdrawn messages leave no trace; written ones stay", () => {
    const r = rig()
    const a = r.offer("a")
    const b = r.offer("b", { key: "k" })
    b()
    r.attach()
    a()
    assert.deepStrictEqual([r.sent(), r.told(), r.outbox.bytes], [["a"], ["a Written"], 0])
  })
})

describe("deliveries", () => {
  it("are confirmed by acks, the first of an id first", () => {
    const r = rig({ acks })
    assert.isTrue(r.outbox.wantsAcks)
    r.attach()
    for (const message of ["#1", "#1", "#2", "plain", "throws"]) r.track(message)
    r.offer("#3", { replay: Policy.ifUnknown })
    r.offer("#4")
    r.turn()
    r.told()
    for (const ack of ["#1", "nobody", "throws", "#2,#3,#4", new Uint8Array(1)]) r.outbox.acknowledge(ack)
    assert.deepStrictEqual(r.told(), ["#1 Confirmed ack", "#2 Confirmed ack"])
    r.outbox.acknowledge("#1")
    r.outbox.acknowledge("#1")
    assert.deepStrictEqual(r.told(), ["#1 Confirmed ack"])
    assert.strictEqual(r.outbox.depth, 2)
    assert.isFalse(r.outbox.empty)
  })

  it("one id alone, and no acks at all", () => {
    const one = rig({ acks: { id: () => "x", match: () => "x" } })
    one.attach()
    one.track("a")
    one.turn()
    one.outbox.acknowledge("any")
    assert.deepStrictEqual(one.told(), ["a accepted", "a Confirmed ack"])
    const none = rig()
    assert.isFalse(none.outbox.wantsAcks)
    none.outbox.acknowledge("any")
  })

  it("a pong confirms what came before its ping and has no id", () => {
    const r = rig({ acks })
    const writer = r.attach()
    r.track("a")
    r.track("#b")
    r.turn()
    let seq = 0
    writer.probe({ ping: new Uint8Array(0) }, (n) => (seq = n))
    r.track("c")
    r.turn()
    r.told()
    r.outbox.ponged(writer, seq)
    assert.deepStrictEqual(r.told(), ["a Confirmed pong"])
    assert.deepStrictEqual(r.outbox.detach(writer, { clean: false }), { count: 2, from: 2, to: 3 })
    assert.deepStrictEqual(r.told(), ["#b Unknown", "c Unknown"])
    r.outbox.ponged(writer, 9)
    r.outbox.attach(writer)
    assert.isUndefined(r.outbox.sendNow("stale"))
  })

  it("reports what is unconfirmed, also when all but an ack has come", () => {
    const r = rig({ acks })
    const writer = r.attach()
    r.track("#a")
    r.turn()
    writer.probe("probe", (n) => r.outbox.ponged(writer, n + 1))
    assert.deepStrictEqual(r.outbox.detach(writer, { clean: false }), { count: 1, from: 1, to: 1 })
    const quiet = r.attach()
    assert.deepStrictEqual(r.outbox.detach(quiet, { clean: false }), { count: 0, from: 0, to: 0 })
  })

  it("an answered close confirms everything, ids or not", () => {
    const r = rig({ acks })
    const writer = r.attach()
    r.track("#a")
    r.track("b")
    r.turn()
    r.told()
    assert.deepStrictEqual(r.outbox.detach(writer, { clean: true }), { count: 0, from: 0, to: 0 })
    assert.deepStrictEqual(r.told(), ["#a Confirmed close", "b Confirmed close"])
  })

  it("replays go first in order of writing, until their number or time is up", () => {
    const r = rig({ acks, maxReplays: 1 })
    const given = { replay: Policy.ifUnknown } as const
    const first = r.attach()
    r.track("#1", given)
    r.track("2", { ...given, lane: "control" })
    r.offer("3", given)
    r.track("4", { ...given, ttl: 7 })
    r.turn()
    r.now = 5
    r.sent()
    r.told()
    const second = r.attach()
    r.track("5", given)
    r.turn()
    r.now = 7
    r.outbox.detach(second, { clean: false })
    r.offer("fresh")
    r.outbox.detach(first, { clean: false })
    r.outbox.acknowledge("#1")
    assert.deepStrictEqual(r.told(), ["5 accepted", "4 Unknown", "#1 Confirmed ack"])
    r.sent()
    const third = r.attach()
    assert.deepStrictEqual(r.sent(), ["2", "3", "5", "fresh"])
    r.outbox.detach(third, { clean: false })
    assert.deepStrictEqual(r.told(), ["fresh Written", "2 Unknown", "5 Unknown"])
    assert.isTrue(r.outbox.empty)
  })

  it("a replay that waits too long is unknown, and its timer is set", () => {
    const r = rig()
    const writer = r.attach()
    r.track("a", { replay: Policy.ifUnknown, ttl: 10 })
    r.turn()
    r.outbox.wake((r.now = 5))
    r.outbox.detach(writer, { clean: false })
    assert.deepStrictEqual(r.armed, [10, 10])
    r.outbox.down()
    r.outbox.wake((r.now = 10))
    assert.deepStrictEqual(r.told(), ["a accepted", "a Unknown"])
    assert.deepStrictEqual(r.losses, [])
  })

  it("an ack of a replayed message shows nothing of its last socket", () => {
    const r = rig({ acks })
    const first = r.attach()
    r.track("#a", { replay: Policy.ifUnknown })
    r.turn()
    r.outbox.detach(first, { clean: false })
    const second = r.attach()
    r.outbox.acknowledge("#a")
    assert.deepStrictEqual(r.outbox.detach(second, { clean: false }), { count: 1, from: 1, to: 1 })
  })
})
