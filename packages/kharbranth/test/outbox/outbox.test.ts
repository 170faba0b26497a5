// Proves what the outbox does with a message that comes in: what is written at
// once and what waits, and what each policy does with what does not fit or has
// the key of another.
import { assert, describe, it } from "@effect/vitest"
import * as Message from "../../src/Message.ts"
import * as Codec from "../../src/Codec.ts"
import { refuse } from "../../src/internal/connection/use/control.ts"
import * as Meter from "../../src/internal/rateLimit/meter.ts"
import { settings } from "../../src/internal/outbox/outbox.ts"
import { sizeOf } from "../../src/internal/model/frame.ts"
import * as Policy from "../../src/Outbox.ts"
import { closed, rig, tagOf } from "./outboxRig.ts"

describe("options", () => {
  it("have the defaults that are documented", () => {
    const all = settings({})
    assert.deepStrictEqual(all, {
      capacity: 10_000,
      maxBytes: 16_777_216,
      overflow: "suspend",
      whenDown: "hold",
      ttl: 30_000,
      maxReplays: 3,
      acks: undefined
    })
    assert.isUndefined(settings({ ttl: "Infinity" }).ttl)
    const given = settings({ capacity: 1, maxBytes: 2, overflow: "fail", whenDown: "drop", maxReplays: 0, ttl: 5 })
    assert.deepStrictEqual(Object.values(given), [1, 2, "fail", "drop", 5, 0, undefined])
  })

  it("are checked", () => {
    assert.isUndefined(Policy.check({}, "c"))
    assert.isUndefined(Policy.check({ ttl: "1 second", capacity: 1, maxBytes: 1, maxReplays: 0 }, "c"))
    assert.isUndefined(Policy.check({ ttl: "Infinity" }, "c"))
    for (const [key, value] of [
      ["capacity", 0],
      ["maxBytes", 0.5],
      ["maxReplays", -1],
      ["ttl", 0]
    ] as const) {
      assert.deepStrictEqual(Policy.check({ [key]: value }, "c")?.path, ["outbox", key])
    }
  })

  it("sizes are those on the wire", () => {
    for (const text of ["", "abc", "é", "€", "😀", "\ud800", "\udc00x", "\ud800x", "a\ud83d\ude00é€"]) {
      assert.strictEqual(sizeOf(text), Buffer.byteLength(text), JSON.stringify(text))
    }
    assert.strictEqual(sizeOf(new Uint8Array(7)), 7)
  })
})

describe("sendNow", () => {
  it("writes at once when nothing stands in the way", () => {
    const r = rig()
    assert.isUndefined(r.outbox.sendNow("down"))
    const writer = r.attach()
    assert.isTrue(r.outbox.sendNow("a"))
    assert.isTrue(r.outbox.sendNow(new Uint8Array(3), { lane: "control", ttl: 1 }))
    assert.deepStrictEqual([writer.written, writer.bytes, r.writes], [2, 4, 2])
    assert.isUndefined(r.outbox.sendNow("b", { key: "k" }))
    assert.isUndefined(r.outbox.sendNow("b", { replay: Policy.ifUnknown }))
    r.buffered = 100
    assert.isUndefined(r.outbox.sendNow("b"))
    r.buffered = 0
    r.offer("waits")
    assert.isUndefined(r.outbox.sendNow("b"))
    r.turn()
    assert.deepStrictEqual(r.told(), ["waits Written"])
    writer.end()
    assert.isUndefined(r.outbox.sendNow("b"))
  })

  it("refuses what a codec throws for, or makes no frame of", () => {
    const odd: ReadonlyArray<() => unknown> = [
      () => 5,
      () => undefined,
      () => null,
      () => Message.toFrame(Message.ping() as never),
      () => {
        throw new Error("a bug")
      }
    ]
    for (const encode of odd) {
      const r = rig({ encode: encode as () => string })
      r.attach()
      assert.strictEqual(tagOf(r.outbox.sendNow("a")), "EncodeError")
      assert.strictEqual(tagOf(r.outbox.writeAllNow(["a"])), "EncodeError")
      r.offer("a")
      r.track("a")
      assert.deepStrictEqual(r.told(), ["a refused EncodeError", "a refused EncodeError"])
      assert.deepStrictEqual(r.sent(), [])
    }
  })

  it("refuses what does not encode, is too large, or comes too late", () => {
    const r = rig({ maxBytes: 10, encode: (m) => (m === "bad" ? new Codec.Failure("bad") : m) })
    r.attach()
    assert.strictEqual(tagOf(r.outbox.sendNow("bad")), "EncodeError")
    assert.strictEqual(tagOf(r.outbox.sendNow("€€€€")), "OutboxFull")
    assert.isTrue(r.outbox.sendNow("eeee"))
    r.offer("bad")
    r.track("bad")
    r.offer("x".repeat(11))
    assert.deepStrictEqual(r.told(), [
      "bad refused EncodeError",
      "bad refused EncodeError",
      "xxxxxxxxxx refused OutboxFull"
    ])
    refuse(r.outbox)
    refuse(r.outbox)
    assert.strictEqual(tagOf(r.outbox.sendNow("a")), "NotConnected")
    assert.strictEqual(tagOf(r.outbox.writeAllNow(["a"])), "NotConnected")
    r.offer("a")
    assert.deepStrictEqual(r.told(), ["a refused NotConnected"])
  })

  it("goes by the meter", () => {
    const r = rig()
    r.attach({ meter: Meter.make({ limit: 2, window: 50, minGap: 0, reserve: 0, pongs: false }) })
    assert.deepStrictEqual(
      [r.outbox.sendNow("a"), r.outbox.sendNow("b"), r.outbox.sendNow("c")],
      [true, true, undefined]
    )
    r.offer("c")
    r.turn()
    assert.deepStrictEqual(r.armed, [30_000, 50])
    r.outbox.wake((r.now = 50))
    assert.deepStrictEqual(r.sent(), ["a", "b", "c"])
  })
})

describe("writeAllNow", () => {
  it("writes in chunks up to the mark", () => {
    const r = rig()
    assert.strictEqual(r.outbox.writeAllNow(["a"]), 0)
    r.attach({ mark: 4 })
    assert.strictEqual(r.outbox.writeAllNow(["aa", "bb", "cc", "dd", "ee"]), 5)
    assert.strictEqual(r.writes, 3)
    r.duringWrite = () => (r.buffered += 4)
    assert.strictEqual(r.outbox.writeAllNow(["aa", "bb", "cc"]), 2)
    assert.strictEqual(r.outbox.writeAllNow(["cc"]), 0)
  })

  it("stops before what does not encode, and at the meter", () => {
    const r = rig({ encode: (m) => (m === "bad" ? new Codec.Failure("bad") : m) })
    r.attach({ meter: Meter.make({ limit: 3, window: 50, minGap: 0, reserve: 0, pongs: false }) })
    assert.strictEqual(r.outbox.writeAllNow(["a", "bad", "c"]), 1)
    assert.strictEqual(tagOf(r.outbox.writeAllNow(["bad", "c"])), "EncodeError")
    assert.strictEqual(r.outbox.writeAllNow(["a", "b", "c"]), 2)
  })
})

describe("what does not fit", () => {
  it("suspend: senders wait in order, and may give up", () => {
    const r = rig({ capacity: 1 })
    r.offer("a")
    const withdraw = r.track("b")
    const c = r.track("c")
    r.offer("d")
    assert.deepStrictEqual(r.told(), [])
    assert.strictEqual(r.outbox.depth, 1)
    withdraw()
    withdraw()
    r.attach()
    assert.deepStrictEqual(r.sent(), ["a", "c"])
    assert.deepStrictEqual(r.told(), ["a Written", "c accepted"])
    c()
    // `c` is unconfirmed and keeps the only place.
    assert.isTrue(r.outbox.waits)
    r.outbox.close(closed)
    assert.deepStrictEqual(r.told(), ["c Unknown", "d Failed NotConnected"])
  })

  it("a tracker that waits for room is refused when the time is over", () => {
    const r = rig({ capacity: 1 })
    r.offer("a", { ttl: "Infinity" })
    r.track("b", { ttl: 5 })
    r.track("c", { whenDown: "hold", key: "k" })
    r.track("d", { key: "k" })
    assert.deepStrictEqual(r.told(), ["c accepted", "c Dropped superseded"])
    r.outbox.wake((r.now = 5))
    r.outbox.close(closed)
    assert.deepStrictEqual(r.told(), ["b refused SendExpired", "a Failed NotConnected", "d refused NotConnected"])
  })

  it("fail and dropNewest", () => {
    const r = rig({ capacity: 1, overflow: "fail" })
    r.offer("a")
    r.offer("b")
    r.track("c")
    assert.deepStrictEqual(r.told(), ["b refused OutboxFull", "c refused OutboxFull"])
    const q = rig({ capacity: 1, overflow: "dropNewest" })
    q.offer("a", { key: "k" })
    q.offer("b")
    q.track("c")
    assert.deepStrictEqual(q.told(), ["b Dropped overflow", "c accepted", "c Dropped overflow"])
    assert.deepStrictEqual(q.losses, ["overflow 1", "overflow 1"])
  })

  it("dropOldest: data before control, and nothing for nothing", () => {
    const r = rig({ capacity: 2, overflow: "dropOldest" })
    r.offer("c", { lane: "control" })
    r.offer("a")
    r.offer("b")
    r.offer("c2", { lane: "control" })
    r.offer("c3", { lane: "control" })
    assert.deepStrictEqual(r.told(), ["a Dropped overflow", "b Dropped overflow", "c Dropped overflow"])
    r.attach()
    r.track("t1")
    r.track("t2")
    r.turn()
    r.told()
    r.offer("no room")
    assert.deepStrictEqual(r.told(), ["no room Dropped overflow"])
  })
})

describe("keys", () => {
  it("the latest takes the place of the waiting one, in its lane", () => {
    const r = rig()
    r.offer("k1", { key: "k" })
    r.offer("other")
    r.offer("c1", { key: "k", lane: "control" })
    r.track("k2", { key: "k" })
    assert.deepStrictEqual(r.told(), ["k1 Dropped superseded", "k2 accepted"])
    r.attach()
    assert.deepStrictEqual(r.sent(), ["c1", "k2", "other"])
  })

  it("one too large for the place goes by the policy", () => {
    for (const [overflow, expected] of [
      ["suspend", ["k Dropped superseded"]],
      ["dropOldest", ["k Dropped superseded", "a Dropped overflow"]],
      ["dropNewest", ["kkkkkkkkk Dropped overflow"]],
      ["fail", ["kkkkkkkkk refused OutboxFull"]]
    ] as const) {
      const r = rig({ maxBytes: 9, overflow })
      r.offer("a")
      r.offer("k", { key: "k" })
      r.offer("k".repeat(9), { key: "k" })
      assert.deepStrictEqual(r.told(), [...expected], overflow)
    }
  })
})
