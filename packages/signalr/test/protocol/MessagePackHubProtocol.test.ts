/**
 * Proves that the MessagePack hub protocol reads and writes the recorded bytes
 * of real peers exactly, refuses malformed frames, gives the same messages for
 * any split of the byte stream, and neither throws nor takes memory that the
 * bytes do not justify, whatever it is fed.
 */
import { assert, describe, it } from "@effect/vitest"
import { encode as pack } from "@msgpack/msgpack"
import * as Result from "effect/Result"
import * as HubMessage from "../../src/HubMessage.ts"
import { readLength, withLength } from "../../src/internal/protocol/binarySplitter.ts"
import { isOneValue } from "../../src/internal/protocol/messagePackShape.ts"
import * as MessagePackHubProtocol from "../../src/MessagePackHubProtocol.ts"
import { Bytes, concat, Cuts, damage, pieces, Seeds, singleBytes, toMessage } from "../support/arbitrary.ts"
import { decodeAll, encode, violation } from "../support/codec.ts"
import golden from "../vectors/msgpack.json" with { type: "json" }
import varints from "../vectors/varint.json" with { type: "json" }

const protocol = MessagePackHubProtocol.messagePack
const hex = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)
const frame = (value: unknown) => withLength(pack(value))
const roundTrip = (message: HubMessage.HubMessage) =>
  assert.deepStrictEqual(decodeAll(protocol, [encode(protocol, message)]), { messages: [message], error: undefined })

// The recorded arrays, as messages: read from the data, not through the code under test.
const toExpected = (fields: ReadonlyArray<any>): HubMessage.HubMessage => {
  const [type, headers, id, fourth, fifth, sixth] = fields
  const call = { target: fourth, arguments: fifth, streamIds: sixth, headers }
  const outcomes: Record<number, HubMessage.Outcome> = {
    1: { _tag: "Error", error: fifth },
    2: { _tag: "Void" },
    3: { _tag: "Value", value: fifth }
  }
  switch (type) {
    case 1:
      return HubMessage.invocation({ ...call, invocationId: id ?? undefined })
    case 2:
      return HubMessage.streamItem(id, fourth, headers)
    case 3:
      return HubMessage.completion(id, outcomes[fourth], headers)
    case 4:
      return HubMessage.streamInvocation({ ...call, invocationId: id })
    case 5:
      return HubMessage.cancelInvocation(id, headers)
    case 6:
      return HubMessage.ping
    case 7:
      return HubMessage.close(fields[1] ?? undefined, fields[2])
    case 8:
      return HubMessage.ack(fields[1])
    default:
      return HubMessage.sequence(fields[1])
  }
}

describe("MessagePackHubProtocol", () => {
  for (const vector of golden) {
    const bytes = withLength(Buffer.from(vector.base64, "base64"))
    it(`K145: recorded "${vector.name}" is read${vector.decodeOnly === undefined ? " and written byte for byte" : ""}`, () => {
      const message = toExpected(vector.array)
      assert.deepStrictEqual(decodeAll(protocol, [bytes]), { messages: [message], error: undefined })
      if (vector.decodeOnly === undefined) {
        assert.strictEqual(
          Buffer.from(encode(protocol, message) as Uint8Array).toString("hex"),
          Buffer.from(bytes).toString("hex")
        )
      }
    })
  }

  it("K145: dates, float64, false and null results, nested values and bytes round trip", () => {
    const at = new Date(Date.UTC(2020, 1, 2, 3, 4, 5, 6))
    roundTrip(
      HubMessage.invocation({ target: "T", arguments: [at, 0.1 + 0.2, -1e300, null, { a: [hex(1, 2)] }], headers: {} })
    )
    roundTrip(HubMessage.completion("1", { _tag: "Value", value: false }, {}))
    roundTrip(HubMessage.completion("1", { _tag: "Value", value: null }, {}))
    roundTrip(HubMessage.streamItem("1", null, {}))
  })

  it("K146: completion kinds; extra trailing elements are ignored", () => {
    const extra = [
      [[3, {}, "1", 2, "later", "more"], HubMessage.completion("1", HubMessage.nothing, {})],
      [[3, {}, "1", 3, 42, "later"], HubMessage.completion("1", { _tag: "Value", value: 42 }, {})],
      [[1, {}, null, "T", [], [], "later"], HubMessage.invocation({ target: "T", arguments: [], headers: {} })],
      [[1, {}, "1", "T", []], HubMessage.invocation({ target: "T", arguments: [], invocationId: "1", headers: {} })],
      [[7, "e", true, "later"], HubMessage.close("e", true)],
      [[7, null], HubMessage.close()],
      [[8, 3, "later"], HubMessage.ack(3)]
    ] as const
    for (const [array, message] of extra) {
      assert.deepStrictEqual(decodeAll(protocol, [frame(array)]), { messages: [message], error: undefined })
    }
  })

  it("K147: ping and cancel have exactly these bytes", () => {
    assert.deepStrictEqual(encode(protocol, HubMessage.ping), hex(0x02, 0x91, 0x06))
    assert.deepStrictEqual(
      encode(protocol, HubMessage.cancelInvocation("abc")),
      hex(0x07, 0x93, 0x05, 0x80, 0xa3, 0x61, 0x62, 0x63)
    )
  })

  it("K148: several frames in one buffer come out in order", () => {
    const messages = [HubMessage.ping, HubMessage.streamItem("1", "x".repeat(300), {}), HubMessage.ack(70000)]
    const buffer = concat(messages.map((message) => encode(protocol, message)))
    assert.deepStrictEqual(decodeAll(protocol, [buffer]), { messages, error: undefined })
  })

  const refused: ReadonlyArray<readonly [string, Uint8Array, RegExp]> = [
    ["an empty frame", hex(0x00), /empty frame/],
    ["an empty array", frame([]), /type/],
    ["no array", frame({}), /no array/],
    ["a string", frame("text"), /no array/],
    ["headers that are no map (Invocation)", frame([1, [], null, "T", []]), /headers/],
    ["headers that are no map (StreamItem)", frame([2, 1, "1", 1]), /headers/],
    ["headers that are no map (Completion)", frame([3, "h", "1", 2]), /headers/],
    ["headers that are no map (Cancel)", frame([5, null, "1"]), /headers/],
    ["a short Invocation", frame([1, {}, "1", "T"]), /arguments/],
    ["an Invocation without target", frame([1, {}, "1"]), /target/],
    ["an Invocation with a numeric id", frame([1, {}, 1, "T", []]), /invocationId/],
    ["a StreamInvocation without id", frame([4, {}, null, "T", []]), /invocationId/],
    ["stream ids that are no strings", frame([1, {}, null, "T", [], [1]]), /streamIds/],
    ["a short StreamItem", frame([2, {}, "1"]), /item/],
    ["a StreamItem without id", frame([2, {}, null, 1]), /invocationId/],
    ["a short Completion", frame([3, {}, "1"]), /error or result/],
    ["a Completion without its error", frame([3, {}, "1", 1]), /error or result/],
    ["a Completion without its result", frame([3, {}, "1", 3]), /error or result/],
    ["a Completion of an unknown kind", frame([3, {}, "1", 9, 1]), /unknown kind/],
    ["a Completion with a numeric error", frame([3, {}, "1", 1, 5]), /no string/],
    ["a Close without its error", frame([7]), /Close/],
    ["a Close with a numeric error", frame([7, 5]), /Close/],
    ["an Ack without id", frame([8]), /sequenceId/],
    ["a Sequence with a negative id", frame([9, -1]), /sequenceId/],
    ["a VarInt of five full bytes", hex(0x80, 0x80, 0x80, 0x80, 0x80, 0x01), /length prefix/],
    ["a length over 2 GiB", hex(0xff, 0xff, 0xff, 0xff, 0x0f), /length prefix/],
    ["a length over the bound", hex(0xff, 0xff, 0xff, 0xff, 0x07), /over/],
    ["two values in one frame", hex(0x02, 0xc0, 0xc0), /one MessagePack value/],
    ["a reserved byte", hex(0x01, 0xc1), /one MessagePack value/]
  ]
  for (const [name, bytes, issue] of refused) {
    it(`K149: ${name} is refused, what came before it is kept`, () => {
      const { error, messages } = decodeAll(protocol, [concat([hex(0x02, 0x91, 0x06), bytes])])
      assert.deepStrictEqual(messages, [HubMessage.ping])
      assert.strictEqual(error?._tag, "ProtocolViolation")
      assert.match(error?.message ?? "", issue)
    })
  }

  it("K149: a truncated frame is a violation when the stream ends", () => {
    assert.match(violation(protocol, hex(0x05, 0x91)).issue, /ended inside a message/)
    assert.match(violation(protocol, "text").issue, /text frame/)
  })

  it("length prefixes are read and written as recorded", () => {
    for (const { hex: text, value } of varints) {
      const bytes = Buffer.from(text, "hex")
      assert.deepStrictEqual(readLength(bytes, 0), { _tag: "Length", value, size: bytes.length })
      if (value < 100_000) {
        assert.strictEqual(
          Buffer.from(withLength(new Uint8Array(value)).subarray(0, bytes.length)).toString("hex"),
          text
        )
      }
    }
  })

  it("claims of elements that are not there are refused before anything is built for them", () => {
    const huge = hex(0x95, 0x01, 0x80, 0xc0, 0xa1, 0x54, 0xdd, 0xff, 0xff, 0xff, 0xff)
    const nested = concat(Array.from({ length: 1000 }, () => hex(0xdd, 0x00, 0x0f, 0xff, 0xff)))
    for (const bytes of [huge, nested, hex(0xdf, 0xff, 0xff, 0xff, 0xff), hex(0xdb, 0x7f, 0xff, 0xff, 0xff)]) {
      assert.isFalse(isOneValue(bytes))
      assert.match(violation(protocol, withLength(bytes)).issue, /one MessagePack value/)
    }
  })

  it("values that MessagePack cannot hold are a typed failure, and the encoder lives on", () => {
    const cycle: Array<unknown> = []
    cycle.push(cycle)
    for (const value of [cycle, 1n, Symbol("s")]) {
      assert.isTrue(Result.isFailure(protocol.encode(HubMessage.invocation({ target: "T", arguments: [value] }))))
      roundTrip(HubMessage.invocation({ target: "T", arguments: [1], headers: {} }))
    }
  })

  it("64-bit integers are bigint when asked for, in messages of every kind", () => {
    const wide = MessagePackHubProtocol.make({ useBigInt64: true })
    const message = HubMessage.streamItem("1", 2n ** 60n, {})
    assert.deepStrictEqual(decodeAll(wide, [encode(wide, message)]), { messages: [message], error: undefined })
    assert.deepStrictEqual(decodeAll(wide, [encode(wide, HubMessage.ack(5))]).messages, [HubMessage.ack(5)])
  })

  it("with bigint for 64-bit integers, a number beyond 32 bits is still written as an integer", () => {
    const wide = MessagePackHubProtocol.make({ useBigInt64: true })
    const sent = { list: [2 ** 40, -(2 ** 40), 2 ** 31, 1.5], when: new Date(0), bytes: Uint8Array.of(1) }
    const { messages } = decodeAll(wide, [encode(wide, HubMessage.streamItem("1", sent, {}))])
    const got = { ...sent, list: [2n ** 40n, -(2n ** 40n), 2 ** 31, 1.5] }
    assert.deepStrictEqual(messages, [HubMessage.streamItem("1", got, {})])
    // What we were given stays as it was.
    assert.deepStrictEqual(sent.list, [2 ** 40, -(2 ** 40), 2 ** 31, 1.5])
    assert.strictEqual(decodeAll(wide, [encode(wide, HubMessage.ping)]).messages[0]?._tag, "Ping")
  })

  it("K150: unknown types are skipped", () => {
    assert.deepStrictEqual(decodeAll(protocol, [concat([frame([99, "x"]), frame([6])])]), {
      messages: [HubMessage.ping],
      error: undefined
    })
  })

  it.prop(
    "K150: any split of the byte stream yields the same messages",
    [Seeds, Cuts],
    ([seeds, cuts]) => {
      const messages = seeds.map(toMessage)
      const stream = concat(messages.map((message) => encode(protocol, message)))
      const expected = { messages: decodeAll(protocol, [stream]).messages, error: undefined }
      assert.deepStrictEqual(expected.messages, messages)
      assert.deepStrictEqual(decodeAll(protocol, pieces(stream, cuts)), expected)
      assert.deepStrictEqual(decodeAll(protocol, singleBytes(stream)), expected)
    },
    { arbitrary: { runs: 150 } }
  )

  it.prop(
    "K150: damaged and random bytes never throw",
    [Seeds, Bytes, Cuts],
    ([seeds, noise, cuts]) => {
      const stream = concat(seeds.map((seed) => encode(protocol, toMessage(seed))))
      for (const bytes of [damage(stream, noise), Uint8Array.from(noise), withLength(Uint8Array.from(noise))]) {
        const { error } = decodeAll(protocol, pieces(bytes, cuts))
        if (error !== undefined) assert.strictEqual(error._tag, "ProtocolViolation")
      }
    },
    { arbitrary: { runs: 300 } }
  )
})
