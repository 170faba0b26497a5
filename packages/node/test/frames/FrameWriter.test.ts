// Proves that frames are written as a server must read them: opcode, length and
// masked payload of every size and at every place in memory, each with a mask of
// its own, one behind the other, the caller's bytes untouched.
import { assert, describe, it } from "@effect/vitest"
import { allocate, encode, payloadOf, roomFor } from "../../src/internal/frames/frameWriter.ts"
import { opcodes } from "../../src/internal/frames/protocol.ts"
import { frameReader } from "../support/frameReader.ts"

const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 124, 125, 126, 127, 1_000, 65_535, 65_536, 70_000]

const read = (bytes: Buffer): ReadonlyArray<readonly [number, Buffer]> => {
  const frames: Array<readonly [number, Buffer]> = []
  frameReader((opcode, payload) => frames.push([opcode, payload]))(bytes)
  return frames
}

describe("FrameWriter", () => {
  it("bytes of every size come out as they went in, wherever they lie", () => {
    for (const size of sizes) {
      const payload = Uint8Array.from({ length: size }, (_, i) => (i * 7) & 0xff)
      const copy = payload.slice()
      for (let at = 0; at < 4; at++) {
        const memory = allocate(at + roomFor(payload))
        const end = encode(memory, at, opcodes.binary, payload)
        assert.deepStrictEqual(read(memory.bytes.subarray(at, end)), [[2, Buffer.from(payload)]], `${size} at ${at}`)
        assert.strictEqual(payloadOf(end - at), size)
      }
      assert.deepStrictEqual(payload, copy)
    }
  })

  it("text takes the room that it has in UTF-8, also where that lengthens the header", () => {
    for (const text of [
      "",
      "a",
      "é",
      "漢😀",
      "é".repeat(62),
      "é".repeat(63),
      "é".repeat(125),
      "漢".repeat(21_845),
      "漢".repeat(21_846),
      "\ud800"
    ]) {
      const memory = allocate(roomFor(text))
      const end = encode(memory, 0, opcodes.text, text)
      assert.deepStrictEqual(read(memory.bytes.subarray(0, end)), [[1, Buffer.from(text)]], text.slice(0, 5))
      assert.strictEqual(payloadOf(end), Buffer.byteLength(text))
    }
  })

  it("one behind the other", () => {
    const texts = Array.from({ length: 500 }, (_, i) => `${i}`.repeat(i % 50))
    const memory = allocate(texts.reduce((room, text) => room + roomFor(text), 0))
    const end = texts.reduce((at, text) => encode(memory, at, opcodes.text, text), 0)
    assert.deepStrictEqual(
      read(memory.bytes.subarray(0, end)).map(([, payload]) => payload.toString()),
      texts
    )
  })

  it("each frame has a mask of its own", () => {
    const masks = new Set<string>()
    const memory = allocate(64)
    for (let i = 0; i < 5_000; i++) {
      encode(memory, 0, opcodes.text, "x")
      masks.add(memory.bytes.toString("hex", 2, 6))
    }
    assert.isAbove(masks.size, 4_990)
  })
})
