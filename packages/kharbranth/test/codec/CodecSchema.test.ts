// Proves that schema codecs check both directions, use canonical JSON for
// types JSON does not know, and report where a value is wrong without saying
// what it is.
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Codec from "../../src/Codec.ts"
import * as CodecSchema from "../../src/CodecSchema.ts"

const Trade = Schema.Struct({
  price: Schema.Finite,
  at: Schema.Date,
  tags: Schema.optional(Schema.Array(Schema.String))
})
const at = new Date("2026-01-02T03:04:05.000Z")
const trades = CodecSchema.json(Trade)
const decode = (text: string | Uint8Array) => trades.decoder().decode([text])

describe("json", () => {
  it("goes there and back, dates in JSON's form", () => {
    const encoded = trades.encode({ price: 1.5, at })
    assert.strictEqual(encoded, '{"price":1.5,"at":"2026-01-02T03:04:05.000Z"}')
    assert.deepStrictEqual(decode(encoded as string).messages, [{ price: 1.5, at }])
    assert.deepStrictEqual(decode(new TextEncoder().encode(encoded as string)).messages, [{ price: 1.5, at }])
  })

  it("names the path of what is wrong, and no value", () => {
    const wrong = (fields: object) => decode(JSON.stringify({ price: 1, at, ...fields })).failure?.issue
    assert.strictEqual(wrong({ price: "hunter2" }), 'it does not match its schema at ["price"]')
    assert.strictEqual(wrong({ tags: ["a", 7] }), 'it does not match its schema at ["tags"][1]')
    assert.strictEqual(wrong({ at: undefined }), 'it does not match its schema at ["at"]')
    assert.strictEqual(decode("[]").failure?.issue, "it does not match its schema")
    assert.include(decode("{").failure?.issue, "not valid JSON")
  })

  it("keeps quiet about values that a schema's own message quotes", () => {
    const loud = Schema.Struct({
      pin: Schema.String.check(Schema.makeFilter((s) => s.length === 4 || `bad pin ${s}`))
    })
    const { failure } = CodecSchema.json(loud).decoder().decode(['{"pin":"hunter2"}'])
    assert.strictEqual(failure?.issue, 'it does not match its schema at ["pin"]')
    assert.isTrue(Schema.isSchemaError(failure?.cause))
  })

  it("refuses to send what does not match", () => {
    const refused = trades.encode({ price: "dear" as never, at })
    assert(refused instanceof Codec.Failure)
    assert.strictEqual(refused.issue, 'it does not match its schema at ["price"]')
  })

  it("finds a failure below a union and below a transformation", () => {
    const nested = CodecSchema.json(
      Schema.Struct({
        n: Schema.NumberFromString.check(Schema.isInt()),
        u: Schema.Union([Schema.String, Schema.Boolean])
      })
    )
    const issue = (text: string) => nested.decoder().decode([text]).failure?.issue
    assert.strictEqual(issue('{"n":"1.5","u":true}'), 'it does not match its schema at ["n"]')
    assert.strictEqual(issue('{"n":"1","u":7}'), 'it does not match its schema at ["u"]')
    assert.isUndefined(issue('{"n":"1","u":"x"}'))
    const A = Schema.Struct({ list: Schema.Array(Schema.Int) })
    const either = CodecSchema.json(Schema.Union([A, Schema.Struct({ list: Schema.String }), Schema.String]))
    const { failure } = either.decoder().decode(['{"list":[1,true]}'])
    assert.strictEqual(failure?.issue, 'it does not match its schema at ["list"][1]')
  })

  it("a schema that throws is a failure, not a defect", () => {
    const broken = CodecSchema.json(
      Schema.String.check(
        Schema.makeFilter(() => {
          throw new Error("bug")
        })
      )
    )
    assert.isDefined(broken.decoder().decode(['"a"']).failure)
    assert.instanceOf(broken.encode("a"), Codec.Failure)
  })
})

describe("make", () => {
  it("checks each direction by its own schema", () => {
    const codec = CodecSchema.make({
      in: Schema.Struct({ seq: Schema.Int }),
      out: Schema.Struct({ op: Schema.Literals(["sub", "unsub"]) }),
      onDecodeError: "skip"
    })
    const message: Codec.In<typeof codec> = { seq: 1 }
    assert.strictEqual(codec.encode({ op: "sub" }), '{"op":"sub"}')
    assert.deepStrictEqual(codec.decoder().decode(['{"seq":1}', '{"seq":1.5}']).messages, [message])
    assert.strictEqual(codec.decoder().onBadFrame, Codec.skip)
    assert.strictEqual(trades.decoder().onBadFrame, Codec.fail)
    // @ts-expect-error what arrives is not what is sent
    assert.instanceOf(codec.encode({ seq: 1 }), Codec.Failure)
  })
})
