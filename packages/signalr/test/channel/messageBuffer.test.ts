/**
 * Proves the book-keeping of stateful reconnect: what is replayed after a lost
 * socket and under which number, which duplicates are dropped, when a sender
 * waits and is released, and, over random losses between two books, that every
 * message arrives exactly once and in order.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Frame } from "kharbranth/Message"
import * as HubMessage from "../../src/HubMessage.ts"
import * as messageBuffer from "../../src/internal/channel/messageBuffer.ts"
import { ackDelay } from "../../src/internal/channel/statefulDefaults.ts"

const item = (n: number) => HubMessage.streamItem("1", n)
const book = (limit?: number) => messageBuffer.make(limit)
const deliver = (buffer: messageBuffer.MessageBuffer, ...messages: ReadonlyArray<HubMessage.HubMessage>) =>
  messages.map((message) => buffer.receive(message))

describe("messageBuffer", () => {
  it("I97: resuming says Sequence 1 when nothing was sent", () => {
    const buffer = book()
    buffer.lost()
    assert.deepStrictEqual(buffer.resume(), { sequenceId: 1, frames: [] })
  })

  it("I98: resuming replays everything unconfirmed, in order, under the first one's number", () => {
    const buffer = book()
    for (const frame of ["a", "b", "c"]) assert.deepStrictEqual(buffer.send(frame), { write: true, wait: false })
    buffer.lost()
    assert.deepStrictEqual(buffer.resume(), { sequenceId: 1, frames: ["a", "b", "c"] })
    assert.deepStrictEqual(buffer.send("d"), { write: true, wait: false })
    buffer.lost()
    assert.deepStrictEqual(buffer.resume(), { sequenceId: 1, frames: ["a", "b", "c", "d"] })
  })

  it("I99: what is sent while the socket is gone goes out with the resume", () => {
    const buffer = book()
    buffer.send("a")
    buffer.lost()
    assert.deepStrictEqual(buffer.send("b"), { write: false, wait: false })
    assert.deepStrictEqual(buffer.resume().frames, ["a", "b"])
  })

  it("I100: after Ack 2 of 3, Sequence 3 and the third message alone; after all acks, the next number", () => {
    const buffer = book()
    for (const frame of ["a", "b", "c"]) buffer.send(frame)
    buffer.receive(HubMessage.ack(2))
    buffer.lost()
    assert.deepStrictEqual(buffer.resume(), { sequenceId: 3, frames: ["c"] })
    deliver(buffer, HubMessage.sequence(1), HubMessage.ack(3))
    assert.strictEqual(buffer.bytes(), 0)
    buffer.lost()
    assert.deepStrictEqual(buffer.resume(), { sequenceId: 4, frames: [] })
  })

  it("I101 I102: a message makes an ack due; many messages make one, with the highest number", () => {
    const buffer = book()
    assert.isFalse(buffer.ackPending())
    assert.isUndefined(buffer.takeAck())
    deliver(buffer, item(1))
    assert.isTrue(buffer.ackPending())
    deliver(buffer, HubMessage.ping, item(2), HubMessage.completion("1"))
    assert.strictEqual(buffer.takeAck(), 3)
    assert.isFalse(buffer.ackPending())
    assert.isUndefined(buffer.takeAck())
    assert.strictEqual(ackDelay, 1000)
  })

  it("I102: no ack is sent while the socket is gone; it is due again afterwards", () => {
    const buffer = book()
    deliver(buffer, item(1))
    buffer.lost()
    assert.isUndefined(buffer.takeAck())
    buffer.resume()
    assert.strictEqual(buffer.takeAck(), 1)
  })

  it("I103 I105: replayed duplicates are dropped, the next new message is delivered", () => {
    const buffer = book()
    deliver(buffer, item(1), item(2))
    buffer.takeAck()
    buffer.lost()
    buffer.resume()
    assert.deepStrictEqual(deliver(buffer, HubMessage.sequence(1), item(1)), ["drop", "drop"])
    assert.isFalse(buffer.ackPending())
    assert.deepStrictEqual(deliver(buffer, item(2)), ["drop"])
    assert.isTrue(buffer.ackPending(), "the peer has not seen our ack of the latest message")
    assert.deepStrictEqual(deliver(buffer, item(3)), ["deliver"])
    assert.strictEqual(buffer.takeAck(), 3)
    buffer.lost()
    buffer.resume()
    assert.deepStrictEqual(deliver(buffer, HubMessage.sequence(3), item(3), item(4)), ["drop", "drop", "deliver"])
  })

  it("I104: before the peer's Sequence everything else is ignored, and counts for nothing", () => {
    const buffer = book()
    buffer.send("a")
    deliver(buffer, item(1))
    buffer.lost()
    buffer.resume()
    const early = [item(2), HubMessage.ping, HubMessage.ack(1), HubMessage.close()]
    assert.deepStrictEqual(deliver(buffer, ...early), ["drop", "drop", "drop", "drop"])
    assert.strictEqual(buffer.bytes(), 1)
    assert.deepStrictEqual(deliver(buffer, HubMessage.sequence(2), item(2)), ["drop", "deliver"])
  })

  it("I106: a Sequence above what has arrived is fatal; the next expected number is not", () => {
    const buffer = book()
    deliver(buffer, item(1))
    buffer.lost()
    buffer.resume()
    assert.strictEqual(buffer.receive(HubMessage.sequence(3)), "tooHigh")
    assert.strictEqual(buffer.receive(HubMessage.sequence(2)), "drop")
    assert.strictEqual(buffer.receive(item(2)), "deliver")
  })

  it("I107 I110: a full buffer makes senders wait although they are written, until an ack brings it under the limit", () => {
    const buffer = book(10)
    assert.deepStrictEqual(buffer.send("123456789"), { write: true, wait: false })
    assert.deepStrictEqual(buffer.send("0"), { write: true, wait: true })
    assert.deepStrictEqual(buffer.send("later, and long"), { write: true, wait: true })
    assert.strictEqual(buffer.receive(HubMessage.ack(2)), "drop", "still over the limit")
    assert.deepStrictEqual(buffer.send("x"), { write: true, wait: true })
    assert.strictEqual(buffer.receive(HubMessage.ack(4)), "release")
    assert.strictEqual(buffer.receive(HubMessage.ack(4)), "drop", "released once")
    assert.deepStrictEqual(buffer.send("y"), { write: true, wait: false })
  })

  it("I107: the limit counts bytes on the wire, not characters", () => {
    for (const text of ["é", "✓", "😀", "aé✓😀", "plain"]) {
      const buffer = book()
      buffer.send(text)
      assert.strictEqual(buffer.bytes(), Buffer.byteLength(text), text)
    }
    const buffer = book()
    buffer.send(new Uint8Array(7))
    assert.strictEqual(buffer.bytes(), 7)
  })

  it("untracked messages pass uncounted", () => {
    const buffer = book()
    assert.deepStrictEqual(deliver(buffer, HubMessage.ping, HubMessage.close("x")), ["deliver", "deliver"])
    assert.isFalse(buffer.ackPending())
    assert.strictEqual(buffer.receive(HubMessage.sequence(1)), "drop")
  })

  // Each step: 0 = A sends, 1 = B sends, 2 = A's timer, 3 = B's timer, 4 = one frame A→B arrives, 5 = B→A, 6 = the socket dies.
  const Steps = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 })))
  it.prop(
    "I98 I103 I114: over any losses, both sides get every message once and in order",
    [Steps],
    ([steps]) => {
      const side = () => ({
        buffer: book(50),
        sent: 0,
        got: [] as Array<number>,
        wire: [] as Array<HubMessage.HubMessage>
      })
      const a = side()
      const b = side()
      type Side = typeof a
      const send = (from: Side) => {
        const n = ++from.sent
        if (from.buffer.send(String(n)).write) from.wire.push(item(n))
      }
      const tick = (from: Side) => {
        const ack = from.buffer.takeAck()
        if (ack !== undefined) from.wire.push(HubMessage.ack(ack))
      }
      const arrive = (from: Side, to: Side) => {
        const message = from.wire.shift()
        if (message === undefined) return
        const verdict = to.buffer.receive(message)
        assert.notStrictEqual(verdict, "tooHigh")
        if (verdict === "deliver") to.got.push((message as HubMessage.StreamItem).item as number)
      }
      const replay = (from: Side) => {
        const { frames, sequenceId } = from.buffer.resume()
        from.wire = [HubMessage.sequence(sequenceId), ...frames.map((frame: Frame) => item(Number(frame)))]
      }
      const die = () => {
        for (const one of [a, b]) one.buffer.lost()
        for (const one of [a, b]) replay(one)
      }
      const actions = [
        () => send(a),
        () => send(b),
        () => tick(a),
        () => tick(b),
        () => arrive(a, b),
        () => arrive(b, a),
        die
      ]
      for (const step of steps) actions[step]!()
      die()
      while (a.wire.length > 0) arrive(a, b)
      while (b.wire.length > 0) arrive(b, a)
      assert.deepStrictEqual(
        b.got,
        Array.from({ length: a.sent }, (_, i) => i + 1)
      )
      assert.deepStrictEqual(
        a.got,
        Array.from({ length: b.sent }, (_, i) => i + 1)
      )
      tick(a)
      tick(b)
      while (a.wire.length > 0) arrive(a, b)
      while (b.wire.length > 0) arrive(b, a)
      assert.isAtMost(a.buffer.bytes() + b.buffer.bytes(), a.got.length + b.got.length === 0 ? 0 : 100)
    },
    { arbitrary: { runs: 500, size: 60 } }
  )
})
