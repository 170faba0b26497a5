/**
 * Proves that the JSON hub protocol reads and writes the recorded messages of
 * real peers, refuses what would settle the wrong call, gives the same messages
 * for any split of the byte stream, and never throws, whatever it is fed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as HubMessage from "../../src/HubMessage.ts"
import { json } from "../../src/JsonHubProtocol.ts"
import { Bytes, concat, Cuts, damage, pieces, Seeds, singleBytes, toMessage } from "../support/arbitrary.ts"
import { decodeAll, encode, violation } from "../support/codec.ts"
import golden from "../vectors/json.json" with { type: "json" }

const rs = "\u001e"
const one = (text: string): HubMessage.HubMessage => {
  const { error, messages } = decodeAll(json, [text + rs])
  assert.isUndefined(error)
  assert.strictEqual(messages.length, 1)
  return messages[0]!
}
const roundTrip = (message: HubMessage.HubMessage) =>
  assert.deepStrictEqual(decodeAll(json, [encode(json, message)]), { messages: [message], error: undefined })

// What may follow an answer's id, in any order: most of it is no message.
const scraps = [
  "0",
  "1",
  "29",
  `"`,
  `,"result":`,
  `,"item":`,
  `,"error":`,
  `,"type":7`,
  "null",
  "{}",
  `"text"`,
  "[1,2]",
  "}",
  "{",
  "\\",
  " ",
  "\n"
]
const Piece = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: scraps.length - 1 }))

const tails = [
  `1","result":5}`,
  `1","item":5}`,
  `1","result":null}`,
  `1","item":null}`,
  `1","result":1,"result":2}`,
  `1","item":1,"invocationId":"2"}`,
  `1","result":1,"type":2,"item":3}`,
  `1","result":{}`,
  `1","result":{}}}`,
  `1","result":{}} `,
  `1","result":5 }`,
  `1","result":5}x`,
  `1","result":}`,
  `1","item":}`,
  `","result":5}`,
  `x","result":5}`,
  `1\\u0031","result":5}`,
  `1\\","result":5}`,
  `1\n","result":5}`,
  `1" ,"result":5}`,
  `1","Result":5}`,
  `1"}`,
  `1`,
  ``
]

describe("JsonHubProtocol", () => {
  for (const [index, text] of golden.entries()) {
    it(`K139: recorded message ${index} is read, and written back with the same meaning`, () => {
      const message = one(text)
      const written = encode(json, message)
      assert.deepStrictEqual(JSON.parse((written as string).slice(0, -1)), JSON.parse(text))
      assert.deepStrictEqual(one((written as string).slice(0, -1)), message)
    })
  }

  it("K139: calls with and without id, headers, stream ids, nested values and null round trip; dates become text", () => {
    const at = new Date(Date.UTC(2020, 1, 2, 3, 4, 5))
    roundTrip(
      HubMessage.invocation({ target: "T", arguments: [1, "Foo", null, { a: [{ b: true }] }], invocationId: "1" })
    )
    roundTrip(HubMessage.invocation({ target: "T", arguments: [], headers: { "Foo": "Bar", "A\nB": "C\r\nD" } }))
    roundTrip(
      HubMessage.streamInvocation({ target: "T", arguments: [at.getTime()], invocationId: "2", streamIds: ["3", "4"] })
    )
    const dated = one((encode(json, HubMessage.invocation({ target: "T", arguments: [at] })) as string).slice(0, -1))
    assert.deepStrictEqual((dated as HubMessage.Invocation).arguments, ["2020-02-02T03:04:05.000Z"])
  })

  it("K140: completions with result, error, null, nothing, and fields nobody knows", () => {
    roundTrip(HubMessage.completion("1", { _tag: "Value", value: { deep: [1] } }))
    roundTrip(HubMessage.completion("1", { _tag: "Value", value: null }))
    roundTrip(HubMessage.completion("1", { _tag: "Value", value: false }))
    roundTrip(HubMessage.completion("1", { _tag: "Error", error: "" }))
    roundTrip(HubMessage.completion("1"))
    assert.deepStrictEqual(
      one(`{"type":3,"invocationId":"1","result":5,"later":{"x":1}}`),
      HubMessage.completion("1", { _tag: "Value", value: 5 })
    )
    assert.deepStrictEqual(
      one(`{"type":3,"invocationId":"1","result":null,"error":"e"}`),
      HubMessage.completion("1", { _tag: "Error", error: "e" })
    )
  })

  // A record that begins with a space is none that the quick reader takes.
  it.prop(
    "answers and items mean the same to the quick reader and to the full one",
    [Schema.Array(Piece)],
    ([parts]) => {
      for (const type of [2, 3]) {
        const record = `{"type":${type},"invocationId":"${parts.map((part) => scraps[part]).join("")}`
        assert.deepStrictEqual(decodeAll(json, [record + rs]), decodeAll(json, [` ${record}${rs}`]))
      }
    }
  )

  it("K140 K141: answers and items as servers write them, and everything that only looks so", () => {
    for (const rest of tails) {
      for (const type of [2, 3]) {
        const record = `{"type":${type},"invocationId":"${rest}`
        assert.deepStrictEqual(decodeAll(json, [record + rs]), decodeAll(json, [` ${record}${rs}`]), record)
      }
    }
    assert.deepStrictEqual(
      one(`{"type":3,"invocationId":"12","result":{"a":[1]}}`),
      HubMessage.completion("12", { _tag: "Value", value: { a: [1] } })
    )
    assert.deepStrictEqual(one(`{"type":2,"invocationId":"12","item":"x"}`), HubMessage.streamItem("12", "x"))
    assert.deepStrictEqual(
      one(`{"type":3,"invocationId":"1","result":null,"error":"told you"}`),
      HubMessage.completion("1", { _tag: "Error", error: "told you" })
    )
  })

  it("K141: stream items, null and undefined included, always carry an item", () => {
    roundTrip(HubMessage.streamItem("1", null))
    roundTrip(HubMessage.streamItem("1", { a: 1 }, { h: "v" }))
    assert.strictEqual(
      encode(json, HubMessage.streamItem("1", undefined)),
      `{"type":2,"invocationId":"1","item":null}${rs}`
    )
  })

  it("K142: several messages in one payload come out in order", () => {
    const messages = [HubMessage.ping, HubMessage.streamItem("1", 1), HubMessage.completion("1")]
    const payload = messages.map((message) => encode(json, message)).join("")
    assert.deepStrictEqual(decodeAll(json, [payload]), { messages, error: undefined })
  })

  it("K143: ping, close, ack and sequence", () => {
    assert.strictEqual(encode(json, HubMessage.ping), `{"type":6}${rs}`)
    assert.strictEqual(encode(json, HubMessage.close()), `{"type":7}${rs}`)
    for (const message of [
      HubMessage.close("e", true),
      HubMessage.close(),
      HubMessage.ack(1394),
      HubMessage.sequence(1234)
    ]) {
      roundTrip(message)
    }
  })

  const refused: ReadonlyArray<readonly [string, RegExp]> = [
    [`{}`, /type/],
    [`[]`, /no object/],
    [`"text"`, /no object/],
    [`null`, /no object/],
    [`{`, /not JSON/],
    [`{"type":"1"}`, /type/],
    [`{"type":1,"invocationId":1,"target":"T","arguments":[]}`, /invocationId/],
    [`{"type":1,"invocationId":"","target":"T","arguments":[]}`, /invocationId/],
    [`{"type":1,"invocationId":"1","arguments":[]}`, /target/],
    [`{"type":1,"target":7,"arguments":[]}`, /target/],
    [`{"type":1,"target":"T","arguments":{}}`, /arguments/],
    [`{"type":1,"target":"T","arguments":[],"streamIds":[1]}`, /streamIds/],
    [`{"type":4,"target":"T","arguments":[]}`, /invocationId/],
    [`{"type":2,"item":1}`, /invocationId/],
    [`{"type":2,"invocationId":"1"}`, /item/],
    [`{"type":3,"result":1}`, /invocationId/],
    [`{"type":3,"invocationId":1}`, /invocationId/],
    [`{"type":3,"invocationId":"1","result":1,"error":"e"}`, /both/],
    [`{"type":3,"invocationId":"1","error":21}`, /error/],
    [`{"type":5}`, /invocationId/],
    [`{"type":7,"error":1}`, /error/],
    [`{"type":8}`, /sequenceId/],
    [`{"type":8,"sequenceId":"1"}`, /sequenceId/],
    [`{"type":9,"sequenceId":-1}`, /sequenceId/],
    [`{"type":9,"sequenceId":1.5}`, /sequenceId/]
  ]
  for (const [text, issue] of refused) {
    it(`K144: ${text} is refused, what came before it is kept`, () => {
      const { error, messages } = decodeAll(json, [`{"type":6}${rs}${text}${rs}{"type":6}${rs}`])
      assert.deepStrictEqual(messages, [HubMessage.ping])
      assert.strictEqual(error?._tag, "ProtocolViolation")
      assert.match(error?.message ?? "", issue)
      assert.notInclude(error?.message ?? "", `"T"`)
    })
  }

  it("K144: a stream that ends without its separator is a violation, not a silent loss", () => {
    assert.match(violation(json, `{"type":6}`).issue, /ended inside a message/)
  })

  it("after a violation the decoder stays with it", () => {
    const decoder = json.decoder({ connection: "test" })
    const first = decoder.push(`{}${rs}`).error
    assert.strictEqual(decoder.push(`{"type":6}${rs}`).error, first)
    assert.deepStrictEqual(decoder.push(`{"type":6}${rs}`).messages, [])
  })

  it("a message without an end is bounded, in one piece and in many", () => {
    const decoder = json.decoder({ connection: "test", maxMessageSize: 100 })
    for (let i = 0; i < 10; i++) assert.isUndefined(decoder.push("x".repeat(10)).error)
    assert.match(decoder.push("x").error?.issue ?? "", /over 100/)
    const whole = json
      .decoder({ connection: "test", maxMessageSize: 100 })
      .push(`{"type":6}${rs}"${"x".repeat(200)}"${rs}`)
    assert.deepStrictEqual(whole.messages, [HubMessage.ping])
    assert.match(whole.error?.issue ?? "", /over 100/)
  })

  it("arguments that JSON cannot hold are a typed failure", () => {
    const cycle: Array<unknown> = []
    cycle.push(cycle)
    for (const value of [cycle, 1n]) {
      const result = json.encode(HubMessage.invocation({ target: "T", arguments: [value] }))
      assert.isTrue(Result.isFailure(result))
    }
  })

  it("K150: unknown types and fields are skipped", () => {
    assert.deepStrictEqual(decodeAll(json, [`{"type":99,"x":1}${rs}{"type":6,"y":2}${rs}{"type":-1}${rs}`]), {
      messages: [HubMessage.ping],
      error: undefined
    })
  })

  it.prop(
    "K150: any split of the byte stream yields the same messages",
    [Seeds, Cuts],
    ([seeds, cuts]) => {
      const messages = seeds.map(toMessage)
      const stream = concat(messages.map((message) => encode(json, message)))
      const expected = { messages: decodeAll(json, [stream]).messages, error: undefined }
      assert.deepStrictEqual(expected.messages, messages)
      assert.deepStrictEqual(decodeAll(json, pieces(stream, cuts)), expected)
      assert.deepStrictEqual(decodeAll(json, singleBytes(stream)), expected)
      const text = messages.map((message) => encode(json, message)).join("")
      assert.deepStrictEqual(
        decodeAll(
          json,
          Array.from({ length: text.length }, (_, i) => text[i]!)
        ),
        expected
      )
    },
    { arbitrary: { runs: 150 } }
  )

  it.prop(
    "K150: damaged and random bytes never throw",
    [Seeds, Bytes, Cuts],
    ([seeds, noise, cuts]) => {
      const stream = concat(seeds.map((seed) => encode(json, toMessage(seed))))
      for (const bytes of [damage(stream, noise), Uint8Array.from(noise), concat([Uint8Array.from(noise), rs])]) {
        const { error } = decodeAll(json, pieces(bytes, cuts))
        if (error !== undefined) assert.strictEqual(error._tag, "ProtocolViolation")
      }
    },
    { arbitrary: { runs: 300 } }
  )
})
