// Proves the write side of a session (private lanes, mark, meter), callbacks that
// call the outbox again, and how an outbox ends or hands over to another one.
import * as Policy from "../../src/Outbox.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Meter from "../../src/internal/rateLimit/meter.ts"
import { Writer } from "../../src/internal/outbox/outbox.ts"
import { exportItems, importItems } from "../../src/internal/outbox/transfer.ts"
import { Waiting } from "../../src/internal/kit/waiting.ts"
import { acks, closed, rig } from "./outboxRig.ts"

describe("a session's writer", () => {
  it("probes before onOpen before data, past the mark and with the reserve", () => {
    const r = rig()
    const writer = r.writer({ meter: Meter.make({ limit: 3, window: 50, minGap: 0, reserve: 1, pongs: false }) })
    const outcomes: Array<string> = []
    const settle = (outcome: { readonly _tag: string }) => outcomes.push(outcome._tag)
    r.buffered = 100
    writer.open("own1", settle)
    const withdraw = writer.open("own2", settle)
    writer.open("own3", settle)
    writer.open("own4", settle)
    withdraw()
    assert.deepStrictEqual(r.sent(), [])
    const seqs: Array<number> = []
    writer.probe("p1", (seq) => seqs.push(seq))
    writer.probe({ ping: new Uint8Array(1) }, (seq) => seqs.push(seq))
    assert.deepStrictEqual(
      [r.sent(), seqs],
      [
        ["p1", "<ping>"],
        [1, 2]
      ]
    )
    r.buffered = 0
    writer.drained()
    assert.deepStrictEqual(r.sent(), [])
    assert.strictEqual(r.armed.length, 1)
    r.now = 50
    r.outbox.wake(50)
    assert.deepStrictEqual(
      [r.sent(), outcomes],
      [
        ["own1", "own3"],
        ["Written", "Written"]
      ]
    )
    writer.probe("p2", () => {})
    writer.probe("p3", () => outcomes.push("never"))
    assert.deepStrictEqual([r.sent(), r.armed], [["p2"], [50, 100, 100, 100]])
    writer.end()
    writer.probe("p4", () => outcomes.push("never"))
    writer.open("own5", settle)
    writer.flush()
    r.outbox.wake((r.now = 100))
    assert.deepStrictEqual([r.sent(), outcomes.slice(2)], [[], ["Failed", "Failed"]])
  })

  it("one write for what waits, pings in their place", () => {
    const r = rig()
    const writer = r.writer()
    r.buffered = 100
    r.outbox.attach(writer)
    for (const text of ["a", "b", "c"]) r.offer(text)
    r.offer("first", { lane: "control" })
    r.turn()
    assert.deepStrictEqual(r.sent(), [])
    r.buffered = 0
    writer.drained()
    assert.deepStrictEqual([r.sent(), r.writes], [["first", "a", "b", "c"], 1])
  })

  it("needs the outbox's errors to name the connection only if it knows it", () => {
    const r = rig()
    const writer = new Writer({ link: r.link, mark: 1, meter: undefined, owner: r.owner })
    writer.end()
    let error = ""
    writer.open("a", (outcome) => (error = outcome._tag === "Failed" ? outcome.error.message : ""))
    assert.include(error, "not connected")
  })
})

describe("calls from within", () => {
  it("a link that dies inside of write", () => {
    const r = rig()
    const writer = r.attach()
    r.track("a", { replay: Policy.ifUnknown })
    r.track("b")
    r.duringWrite = () => {
      r.duringWrite = () => {}
      writer.end()
      r.outbox.detach(writer, { clean: false })
    }
    r.turn()
    assert.deepStrictEqual(r.told(), ["a accepted", "b accepted", "b Unknown"])
    r.sent()
    r.attach()
    assert.deepStrictEqual(r.sent(), ["a"])
  })

  it("what is sent inside of write goes out after it", () => {
    const r = rig()
    const writer = r.attach()
    r.duringWrite = () => {
      r.duringWrite = () => {}
      assert.isUndefined(r.outbox.sendNow("late"))
      writer.probe("probe", () => {})
      r.offer("late")
    }
    assert.isTrue(r.outbox.sendNow("a"))
    assert.deepStrictEqual(r.sent(), ["a", "probe", "late"])
    r.turn()
  })

  it("a settled sender sends again; the turn ends with a writer that is gone", () => {
    const r = rig()
    const writer = r.attach()
    r.outbox.offer("a", undefined, () => {
      r.outbox.offer("b", { key: "k" }, () => r.log.push("b"))
      r.outbox.sendNow("c")
    })
    r.turn()
    r.turn()
    assert.deepStrictEqual([r.sent(), r.told()], [["a", "b"], ["b"]])
    r.offer("d")
    r.outbox.detach(writer, { clean: false })
    r.turn()
    assert.deepStrictEqual(r.sent(), [])
  })
})

describe("empty, close and hand-over", () => {
  it.effect("a fiber that waits until it is empty is told once, when it is", () =>
    Effect.gen(function* () {
      const r = rig()
      assert.isTrue(r.outbox.empty)
      r.track("a")
      const emptied = new Waiting()
      r.outbox.emptied = emptied
      const waiting = yield* Effect.forkChild(
        emptied.until(() => (r.outbox.empty ? Effect.succeed(true) : undefined)),
        {
          startImmediately: true
        }
      )
      const writer = r.attach()
      assert.isUndefined(waiting.pollUnsafe())
      writer.probe("p", (seq) => r.outbox.ponged(writer, seq))
      assert.isTrue(yield* Fiber.join(waiting))
    })
  )

  it("close: waiting fails, written is unknown, nothing comes after", () => {
    const r = rig()
    const writer = r.attach()
    r.track("a")
    r.turn()
    r.buffered = 100
    r.track("b")
    r.outbox.close(closed)
    assert.deepStrictEqual(r.told(), ["a accepted", "b accepted", "a Unknown", "b Failed"])
    assert.deepStrictEqual(r.losses, ["closed 1"])
    r.track("c")
    r.attach()
    assert.deepStrictEqual(r.told(), ["c refused NotConnected"])
    assert.deepStrictEqual(r.outbox.detach(writer, { clean: false }), { count: 1, from: 1, to: 1 })
    r.outbox.close(closed)
    importItems(r.outbox, [
      {
        frame: "x",
        lane: "data",
        key: undefined,
        whenDown: "hold",
        replay: "never",
        ttl: 1,
        written: false,
        id: undefined
      }
    ])
    assert.deepStrictEqual([r.outbox.empty, r.losses], [true, ["closed 1", "closed 1"]])
  })

  it("export takes out what waits; import goes on with it", () => {
    const r = rig({ acks, capacity: 4 })
    const writer = r.attach()
    r.track("#1", { replay: Policy.ifUnknown, key: "k" })
    r.turn()
    r.outbox.detach(writer, { clean: false })
    r.track("2", { ttl: "Infinity" })
    r.offer("3", { lane: "control", key: "k" })
    r.offer("4")
    r.offer("5")
    r.told()
    r.now = 10_000
    const items = exportItems(r.outbox)
    const item = (frame: string, more: object): Policy.Item => ({
      frame,
      lane: "data",
      key: undefined,
      whenDown: "hold",
      replay: "never",
      ttl: 20_000,
      written: false,
      id: undefined,
      ...more
    })
    assert.deepStrictEqual(items, [
      item("3", { lane: "control", key: "k" }),
      item("#1", { replay: "ifUnknown", key: "k", written: true, id: "#1" }),
      item("2", { ttl: undefined }),
      item("4", {}),
      item("5", {})
    ])
    assert.deepStrictEqual(r.told(), [
      "3 Dropped exported",
      "#1 Unknown",
      "2 Dropped exported",
      "4 Dropped exported",
      "5 Dropped exported"
    ])
    assert.isTrue(r.outbox.empty)

    const other = rig({ acks, capacity: 3, overflow: "fail" })
    importItems(other.outbox, items)
    assert.deepStrictEqual([other.losses, other.outbox.depth, other.armed], [["overflow 2"], 3, [20_000]])
    const next = other.attach()
    assert.deepStrictEqual(other.sent(), ["3", "#1", "2"])
    other.outbox.acknowledge("#1")
    assert.isTrue(other.outbox.empty)
    importItems(other.outbox, items.slice(0, 1))
    other.turn()
    assert.deepStrictEqual([other.sent(), next.written], [["3"], 4])
  })

  it("what was imported has no sender to fail: it is dropped and counted", () => {
    const r = rig()
    const writer = r.attach()
    r.buffered = 100
    r.offer("1", { whenDown: "fail" })
    const items = exportItems(r.outbox)
    r.outbox.detach(writer, { clean: false })
    const other = rig()
    importItems(other.outbox, items)
    other.outbox.down()
    assert.deepStrictEqual([other.outbox.empty, other.losses], [true, ["down 1"]])
  })
})
