/**
 * Proves what the first bytes of a connection are, and that the server's answer
 * is understood as text, as bytes, in pieces and with hub data behind it, and
 * refused when it is anything else.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import type { Frame } from "kharbranth/Message"
import * as Handshake from "../../src/Handshake.ts"
import { json } from "../../src/JsonHubProtocol.ts"
import { messagePack } from "../../src/MessagePackHubProtocol.ts"
import { Cuts, pieces } from "../support/arbitrary.ts"

const rs = "\u001e"
const utf8 = (text: string) => new TextEncoder().encode(text)
const answer = (...frames: ReadonlyArray<Frame>) => {
  const reader = Handshake.reader("test")
  let result: ReturnType<Handshake.Reader["push"]>
  for (const frame of frames) result = reader.push(frame)
  return result
}
const accepted = (rest: Frame | undefined) => Result.succeed({ rest })
const failure = (...frames: ReadonlyArray<Frame>) => {
  const result = answer(...frames)
  return result !== undefined && Result.isFailure(result) ? result.failure : assert.fail("expected a failure")
}

describe("Handshake", () => {
  it("A1: the first bytes name the protocol and version 1", () => {
    assert.strictEqual(Handshake.request(json, false), `{"protocol":"json","version":1}${rs}`)
    assert.strictEqual(Handshake.request(messagePack, false), `{"protocol":"messagepack","version":1}${rs}`)
  })

  it("A2: version 2 is asked for only with stateful reconnect", () => {
    assert.strictEqual(json.version, 2)
    assert.strictEqual(Handshake.request(json, true), `{"protocol":"json","version":2}${rs}`)
  })

  it("A4: a text answer alone", () => assert.deepStrictEqual(answer(`{}${rs}`), accepted(undefined)))

  it("A5: a binary answer alone", () =>
    assert.deepStrictEqual(answer(utf8(`{"minorVersion":0}${rs}`)), accepted(undefined)))

  it("A6: hub data behind a text answer is handed on", () =>
    assert.deepStrictEqual(answer(`{}${rs}{"type":6}${rs}`), accepted(`{"type":6}${rs}`)))

  it("A7: hub data behind a binary answer is handed on byte for byte", () => {
    const data = Uint8Array.of(0x02, 0x91, 0x06, 0x1e, 0xff)
    assert.deepStrictEqual(answer(Buffer.concat([utf8(`{}${rs}`), data])), accepted(Buffer.from(data)))
  })

  it("A8: an error is the server's refusal, in its words", () => {
    const error = failure(`{"error":"The protocol 'x' is not supported."}${rs}`)
    assert.strictEqual(error.kind, "refused")
    assert.strictEqual(error.issue, "The protocol 'x' is not supported.")
    assert.include(error.message, "test")
  })

  it("A9: what is no answer is refused", () => {
    for (const text of [`{"type":6}`, `nonsense`, `[]`, `null`, `1`, ``])
      assert.strictEqual(failure(text + rs).kind, "malformed")
    assert.strictEqual(failure(Uint8Array.of(0xff, 0x1e)).kind, "malformed")
  })

  it("an endless answer is bounded", () => {
    const reader = Handshake.reader("test")
    let pushes = 0
    while (reader.push("x".repeat(1000)) === undefined && pushes < 1000) pushes++
    assert.isBelow(pushes, 70)
  })

  it.prop("an answer may arrive in any pieces", [Cuts], ([cuts]) => {
    const rest = `{"type":6}${rs}`
    const reader = Handshake.reader("test")
    let got = ""
    let done = false
    for (const piece of pieces(utf8(`{"é":"😀"}${rs}${rest}`), cuts)) {
      if (done) {
        got += new TextDecoder().decode(piece)
        continue
      }
      const result = reader.push(piece)
      if (result === undefined) continue
      done = true
      got = new TextDecoder().decode(Result.getOrThrow(result).rest as Uint8Array | undefined)
    }
    assert.isTrue(done)
    assert.strictEqual(got, rest)
  })
})
