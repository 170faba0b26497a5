// Proves what our reader makes of each kind of frame, right or wrong, and that it
// makes the same of it wherever the bytes are cut: at every byte, and into single
// bytes. What it keeps of an unfinished message follows what has come, not what
// was announced.
import { assert, describe, it } from "@effect/vitest"
import type { LazyText } from "kharbranth/Message"
import { FrameReader } from "../../src/internal/frames/frameReader.ts"
import { close, frame } from "../hostile/frames.ts"
import { byReader, byWs, type Outcome } from "./outcome.ts"

const limits = { maxMessageSize: 70_000, maxFragments: 16_384 }
const lazy = { ...limits, lazyText: true }

const text = (value: string | Uint8Array, more: object = {}): Buffer =>
  frame({ opcode: 1, payload: Buffer.from(value), ...more })
const rest = (value: string | Uint8Array, fin = true): Buffer => frame({ opcode: 0, payload: Buffer.from(value), fin })
const many = (count: number, one: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => one))

const x = (length: number): string => "x".repeat(length)
const said = (value: string): string => `text ${JSON.stringify(value)} ${Buffer.byteLength(value)}`
const cafe = Buffer.from("café")

const table: ReadonlyArray<readonly [what: string, bytes: ReadonlyArray<Buffer>, outcome: Outcome]> = [
  ["nothing", [], []],
  ["a text", [text("hello")], [said("hello")]],
  ["an empty text", [text(""), text("a")], [said(""), said("a")]],
  ["texts in a run", [text("one"), text(""), text("three")], [said("one"), said(""), said("three")]],
  ["a run with more than ASCII in it", [text("one"), text("zwö"), text("三")], [said("one"), said("zwö"), said("三")]],
  ["a byte order mark, which stays", [text("\ufeffa")], [said("\ufeffa")]],
  ["binary", [frame({ opcode: 2, payload: Buffer.from([0, 128, 255]) })], ["binary 0080ff"]],
  ["binary between texts", [text("a"), frame({ opcode: 2 }), text("b")], [said("a"), "binary ", said("b")]],
  ["125 bytes, the longest short length", [text(x(125))], [said(x(125))]],
  ["126 bytes", [text(x(126))], [said(x(126))]],
  ["ping and pong", [frame({ opcode: 9, payload: cafe }), frame({ opcode: 10 })], ["ping 636166c3a9", "pong "]],
  ["fragments", [text("a", { fin: false }), rest("b", false), rest("c")], [said("abc")]],
  ["empty fragments", [text("", { fin: false }), rest("", false), rest("")], [said("")]],
  ["a character in two fragments", [text(cafe.subarray(0, 4), { fin: false }), rest(cafe.subarray(4))], [said("café")]],
  [
    "a ping between fragments",
    [text("a", { fin: false }), frame({ opcode: 9 }), rest("b"), text("c")],
    ["ping ", said("ab"), said("c")]
  ],
  [
    "a message after a message in fragments",
    [frame({ opcode: 2, fin: false }), rest("b"), frame({ opcode: 2 })],
    ["binary 62", "binary "]
  ],
  ["a close", [close(1000, "bye"), text("after")], ['closed 1000 "bye"']],
  ["a close without a code", [frame({ opcode: 8 })], ['closed 1005 ""']],
  ["a close between fragments", [text("a", { fin: false }), close(4000)], ['closed 4000 ""']],
  ["a close code that may not be sent", [close(1005)], ["violated WS_ERR_INVALID_CLOSE_CODE"]],
  [
    "half a close code",
    [frame({ opcode: 8, payload: Buffer.alloc(1) })],
    ["violated WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"]
  ],
  [
    "a close reason that is no UTF-8",
    [frame({ opcode: 8, payload: Buffer.from([3, 232, 0xff]) })],
    ["violated WS_ERR_INVALID_UTF8"]
  ],
  [
    "a long ping",
    [frame({ opcode: 9, payload: Buffer.alloc(126) })],
    ["violated WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"]
  ],
  ["half a ping", [frame({ opcode: 9, fin: false })], ["violated WS_ERR_EXPECTED_FIN"]],
  ["RSV1", [text("a"), text("b", { rsv: 4 }), text("c")], [said("a"), "violated WS_ERR_UNEXPECTED_RSV_1"]],
  ["RSV2", [text("a", { rsv: 2 })], ["violated WS_ERR_UNEXPECTED_RSV_2_3"]],
  ["RSV3", [frame({ opcode: 9, rsv: 1 })], ["violated WS_ERR_UNEXPECTED_RSV_2_3"]],
  ["a mask", [text("a", { masked: true })], ["violated WS_ERR_UNEXPECTED_MASK"]],
  ["an unknown opcode", [frame({ opcode: 3 })], ["violated WS_ERR_INVALID_OPCODE"]],
  ["an unknown control opcode", [frame({ opcode: 11 })], ["violated WS_ERR_INVALID_OPCODE"]],
  ["a fragment of nothing", [rest("a")], ["violated WS_ERR_INVALID_OPCODE"]],
  ["a message within a message", [text("a", { fin: false }), text("b")], ["violated WS_ERR_INVALID_OPCODE"]],
  [
    "text that is no UTF-8",
    [text("a"), text(Buffer.from([0xc3])), text("b")],
    [said("a"), "violated WS_ERR_INVALID_UTF8"]
  ],
  [
    "half a character at the end of a run",
    [text("a"), text(Buffer.from([0xe6, 0xbc]))],
    [said("a"), "violated WS_ERR_INVALID_UTF8"]
  ],
  ["a surrogate", [text(Buffer.from([0xed, 0xa0, 0x80]))], ["violated WS_ERR_INVALID_UTF8"]],
  ["a length of 2^53", [frame({ opcode: 2, claim: 2n ** 53n })], ["violated WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"]],
  ["one byte over the limit", [frame({ opcode: 2, claim: 70_001n })], ["violated WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"]],
  [
    "fragments over the limit",
    [frame({ opcode: 2, fin: false, payload: Buffer.alloc(100) }), frame({ opcode: 0, claim: 69_901n })],
    ["violated WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"]
  ]
]

/** Too long to cut at every byte: only around what matters. */
const long: ReadonlyArray<readonly [what: string, bytes: Buffer, outcome: Outcome]> = [
  ["65,535 bytes", text(x(65_535)), [said(x(65_535))]],
  ["65,536 bytes", text(x(65_536)), [said(x(65_536))]],
  ["the limit itself", text(x(70_000)), [said(x(70_000))]],
  ["a run of 200 texts", many(200, text(x(100))), Array.from({ length: 200 }, () => said(x(100)))],
  ["a run of 5,000 empty texts", many(5_000, text("")), Array.from({ length: 5_000 }, () => said(""))],
  [
    "as many fragments as there may be, twice",
    many(2, Buffer.concat([text("", { fin: false }), many(16_382, rest("", false)), rest("z")])),
    [said("z"), said("z")]
  ],
  [
    "one fragment more",
    Buffer.concat([text("", { fin: false }), many(16_383, rest("", false)), rest("z")]),
    ["violated WS_ERR_TOO_MANY_BUFFERED_PARTS"]
  ]
]

const nobody = { text() {}, binary() {}, ping() {}, pong() {}, closed() {}, violated() {} }

const inTwo = (bytes: Buffer, at: number): ReadonlyArray<Buffer> => [bytes.subarray(0, at), bytes.subarray(at)]

describe("FrameReader", () => {
  for (const [what, frames, outcome] of table) {
    it(`${what}, cut anywhere`, () => {
      const bytes = Buffer.concat(frames)
      assert.deepStrictEqual(byReader([bytes], limits), outcome, "whole")
      assert.deepStrictEqual(byReader([bytes], lazy), outcome, "whole, as bytes")
      for (let at = 1; at < bytes.length; at++) {
        assert.deepStrictEqual(byReader(inTwo(bytes, at), limits), outcome, `cut at ${at}`)
        assert.deepStrictEqual(byReader(inTwo(bytes, at), lazy), outcome, `cut at ${at}, as bytes`)
      }
      const single = Array.from(bytes, (byte) => Buffer.from([byte]))
      assert.deepStrictEqual(byReader(single, limits), outcome, "byte by byte")
    })
  }

  for (const [what, bytes, outcome] of long) {
    it(what, () => {
      assert.deepStrictEqual(byReader([bytes], limits), outcome)
      for (const at of [1, 2, 3, 9, 10, 11, bytes.length >> 1, bytes.length - 1]) {
        assert.deepStrictEqual(byReader(inTwo(bytes, at), limits), outcome, `cut at ${at}`)
      }
    })
  }

  it("text as bytes is looked at by what is in it, and not beyond it", () => {
    const seen: Array<LazyText | string> = []
    const reader = new FrameReader({ ...nobody, text: (text) => seen.push(text) }, 1_000, true)
    reader.read(Buffer.concat([text("first"), text(`{"e":"trade","s":"é"}`), text(`next"trade"`)]))
    const [first, second] = seen as [LazyText, LazyText]
    assert.isTrue(first.startsWith("fir"))
    assert.isTrue(first.startsWith("first"))
    assert.isFalse(first.startsWith("first "))
    assert.isFalse(first.startsWith("f\u0000rst"))
    assert.strictEqual(first.indexOf("t"), 4)
    assert.strictEqual(first.indexOf("t", 5), -1)
    assert.strictEqual(first.indexOf("trade"), -1, "what comes behind it is another text")
    const at = second.indexOf(`"s":"`)
    assert.strictEqual(second.slice(at + 5, second.indexOf(`"`, at + 5)), "é")
    assert.strictEqual(second.slice(at), `"s":"é"}`)
    assert.strictEqual(second.slice(at, 1_000), `"s":"é"}`)
    assert.strictEqual(second.indexOf("next"), -1)
    assert.strictEqual(String(second), `{"e":"trade","s":"é"}`)
  })

  it("the receiver of ws reads the tables alike", async () => {
    const read = [
      ...table.map(([what, frames, outcome]) => [what, outcome, byWs([Buffer.concat(frames)], limits)] as const),
      ...long.map(([what, bytes, outcome]) => [what, outcome, byWs([bytes], limits)] as const)
    ]
    await new Promise((resolve) => setImmediate(resolve))
    for (const [what, outcome, its] of read) assert.deepStrictEqual(its, outcome, what)
  })

  it("an announced message takes no memory before it comes", () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 100 }, () => {
      const reader = new FrameReader(nobody, 2 ** 30)
      reader.read(frame({ opcode: 2, claim: 2n ** 29n, payload: Buffer.alloc(100) }))
      return reader
    })
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 2 ** 20)
    assert.isFalse(readers.some((reader) => reader.over))
  })
})
