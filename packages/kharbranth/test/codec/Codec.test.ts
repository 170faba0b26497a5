// Proves what the codecs promise: text costs no copy, decoding stops at the
// first bad frame and says which, errors never quote a payload, user functions
// that throw are failures, and bad frames can be yielded in their place.
import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Codec from "../../src/Codec.ts"
import * as Message from "../../src/Message.ts"

const decode = <In>(codec: Codec.Codec<In, never>, frames: ReadonlyArray<Message.Frame>) =>
  codec.decoder().decode(frames)
const bytesOf = (text: string) => new TextEncoder().encode(text)
const raw = Uint8Array.of(1, 2, 3)
const fails = (): never => {
  throw new Error("bug")
}
const failureOf = (encoded: Message.Frame | Codec.Failure) => {
  assert(encoded instanceof Codec.Failure)
  return encoded
}

describe("frames", () => {
  it("gives tagged data and takes tagged or bare", () => {
    const { failure, messages } = decode(Codec.frames, ["a", raw])
    assert.isUndefined(failure)
    assert.deepStrictEqual(messages, [Message.text("a"), Message.binary(raw)])
    assert.strictEqual((messages[1] as Message.Binary).bytes, raw)
    for (const input of ["a", Message.text("a")]) assert.strictEqual(Codec.frames.encode(input), "a")
    for (const input of [raw, Message.binary(raw)]) assert.strictEqual(Codec.frames.encode(input), raw)
  })
})

describe("text and bytes", () => {
  it("hand on the very array that came in", () => {
    const texts = ["a", "b"]
    const binaries = [raw, raw]
    assert.strictEqual(decode(Codec.text, texts).messages, texts)
    assert.strictEqual(decode(Codec.bytes, binaries).messages, binaries)
    assert.deepStrictEqual(decode(Codec.text, []), { messages: [], failure: undefined })
  })

  it("stop at the first frame of the other kind", () => {
    const mixed = decode(Codec.text, ["a", "b", raw, "c", raw])
    assert.deepStrictEqual(mixed.messages, ["a", "b"])
    assert.strictEqual(mixed.failure?.index, 2)
    const other = decode(Codec.bytes, ["a", raw])
    assert.deepStrictEqual(other.messages, [])
    assert.strictEqual(other.failure?.index, 0)
    assert.include(other.failure?.issue, "text frame")
  })

  it("encode as they are", () => {
    assert.strictEqual(Codec.text.encode("a"), "a")
    assert.strictEqual(Codec.bytes.encode(raw), raw)
  })
})

describe("lazyText", () => {
  it("hands on the very array that came in, and says that it wants text as it comes", () => {
    const texts = ["a", "b"]
    assert.strictEqual(decode(Codec.lazyText, texts).messages, texts)
    assert.isTrue(Codec.lazyText.decoder().lazyText)
    assert.isUndefined(Codec.text.decoder().lazyText)
    assert.strictEqual(Codec.lazyText.encode("a"), "a")
  })

  it("stops at the first binary frame", () => {
    const mixed = decode(Codec.lazyText, ["a", raw, "b"])
    assert.deepStrictEqual(mixed.messages, ["a"])
    assert.strictEqual(mixed.failure?.index, 1)
    assert.include(mixed.failure?.issue, "binary frame")
  })

  it("makeLazy, skipErrors and yieldErrors keep what the decoder wants", () => {
    const own = Codec.makeLazy({
      encode: (text: string) => text,
      decode: (frame) => (frame instanceof Uint8Array ? fails() : frame.slice(1))
    })
    for (const codec of [own, Codec.skipErrors(own), Codec.yieldErrors(own)]) assert.isTrue(codec.decoder().lazyText)
    assert.deepStrictEqual(decode(own, ["abc"]).messages, ["bc"])
    assert.strictEqual(decode(own, [raw]).failure?.issue, "the codec's `decode` threw")
    assert.isUndefined(Codec.skipErrors(Codec.json).decoder().lazyText)
  })
})

describe("json", () => {
  it("goes both ways, and reads UTF-8 in binary frames", () => {
    assert.strictEqual(Codec.json.encode({ a: [1, "é"] }), '{"a":[1,"é"]}')
    assert.deepStrictEqual(decode(Codec.json, ['{"a":1}', bytesOf('"é"')]).messages, [{ a: 1 }, "é"])
  })

  it("says where a frame is no JSON, and quotes nothing of it", () => {
    const { failure, messages } = decode(Codec.json, ["1", '{"token":"hunter2" oops', "3"])
    assert.deepStrictEqual(messages, [1])
    assert.strictEqual(failure?.index, 1)
    assert.match(failure!.issue, /^not valid JSON at position \d+$/)
    assert.notInclude(failure!.issue, "hunter2")
    assert.strictEqual(decode(Codec.json, [""]).failure?.issue, "not valid JSON")
  })

  it("refuses binary that is not UTF-8, and reads on afterwards", () => {
    const decoder = Codec.json.decoder()
    assert.include(decoder.decode([Uint8Array.of(0x22, 0xff, 0x22)]).failure?.issue, "not UTF-8")
    assert.deepStrictEqual(decoder.decode([bytesOf("7")]).messages, [7])
  })

  it("refuses what has no JSON form", () => {
    const cycle: Record<string, unknown> = {}
    cycle["self"] = cycle
    for (const value of [undefined, () => 1, Symbol("x"), 1n, cycle, { toJSON: fails }]) {
      assert.include(failureOf(Codec.json.encode(value)).issue, "without a JSON form")
    }
  })

  it("keeps `__proto__` a plain key", () => {
    const [message] = decode(Codec.json, ['{"__proto__":{"admin":true}}']).messages
    assert.strictEqual(Object.getPrototypeOf(message), Object.prototype)
    assert.isUndefined((message as { readonly admin?: boolean }).admin)
    assert.deepStrictEqual(Object.keys(message as object), ["__proto__"])
  })

  it("jsonAs is json under other types", () => {
    const typed: Codec.Codec<{ readonly a: number }, { readonly op: string }> = Codec.jsonAs()
    assert.strictEqual(typed.encode({ op: "x" }), '{"op":"x"}')
    assert.strictEqual(decode(typed, ['{"a":1}']).messages[0]?.a, 1)
  })
})

describe("make", () => {
  const numbers = Codec.make({
    encode: (n: number) => (Number.isNaN(n) ? new Codec.Failure("NaN") : String(n)),
    decode: (frame) => {
      if (frame === "boom") throw new Error("hunter2")
      return typeof frame === "string" ? Number(frame) : new Codec.Failure("expected text", "because")
    }
  })

  it("uses both functions", () => {
    assert.deepStrictEqual(decode(numbers, ["1", "2"]), { messages: [1, 2], failure: undefined })
    assert.strictEqual(numbers.encode(3), "3")
    assert.strictEqual(numbers.decoder().onBadFrame, Codec.fail)
    const skipping = Codec.make({ encode: String, decode: String, onDecodeError: "skip" })
    assert.strictEqual(skipping.decoder().onBadFrame, Codec.skip)
  })

  it("failures and throws are failures with index and cause", () => {
    assert.deepStrictEqual(decode(numbers, ["1", raw, "2"]), {
      messages: [1],
      failure: { index: 1, issue: "expected text", cause: "because" }
    })
    const thrown = decode(numbers, ["boom"]).failure
    assert.strictEqual(thrown?.issue, "the codec's `decode` threw")
    assert.instanceOf(thrown?.cause, Error)
    assert.strictEqual(failureOf(numbers.encode(NaN)).issue, "NaN")
    assert.include(failureOf(Codec.make({ encode: fails, decode: fails }).encode(1)).issue, "`encode` threw")
  })

  it("makeStateful starts from the beginning with each decoder", () => {
    const counting = Codec.makeStateful({
      encode: (text: string) => text,
      decoder: () => {
        let seen = 0
        return (frame) => `${++seen}:${String(frame)}`
      }
    })
    const decoder = counting.decoder()
    assert.deepStrictEqual(decoder.decode(["a", "b"]).messages, ["1:a", "2:b"])
    assert.deepStrictEqual(decoder.decode(["c"]).messages, ["3:c"])
    assert.deepStrictEqual(decode(counting, ["d"]).messages, ["1:d"])
  })

  it("a decoder that cannot even be made fails on each frame", () => {
    const broken = Codec.makeStateful<string, string>({ encode: (text) => text, decoder: fails })
    assert.include(decode(broken, ["a"]).failure?.issue, "`decoder` threw")
  })
})

describe("combinators", () => {
  it("skipErrors changes the policy alone", () => {
    const skipping = Codec.skipErrors(Codec.json)
    assert.strictEqual(skipping.decoder().onBadFrame, Codec.skip)
    assert.strictEqual(skipping.encode, Codec.json.encode)
    assert.strictEqual(decode(skipping, ["{"]).failure?.index, 0)
  })

  it("yieldErrors keeps bad frames in their place, causes redacted", () => {
    const { failure, messages } = decode(Codec.yieldErrors(Codec.json), ["1", "hunter2", "2", "{", "3"])
    assert.isUndefined(failure)
    assert.deepStrictEqual(messages.map(Result.isSuccess), [true, false, true, false, true])
    assert.deepStrictEqual(
      messages.filter(Result.isSuccess).map(({ success }) => success),
      [1, 2, 3]
    )
    const bad = messages.find(Result.isFailure)
    assert.strictEqual(bad?.failure._tag, "DecodeIssue")
    assert.notInclude(JSON.stringify(bad), "hunter2")
    assert.instanceOf(Redacted.value(bad!.failure.cause), SyntaxError)
  })

  it("yieldErrors of a good batch yields all of it", () => {
    assert.deepStrictEqual(decode(Codec.yieldErrors(Codec.text), ["a", "b"]).messages, [
      Result.succeed("a"),
      Result.succeed("b")
    ])
  })

  it("yieldErrors takes a whole batch of bad frames in linear time", () => {
    let decoded = 0
    const counting = Codec.make<never, never>({
      encode: String,
      decode: () => {
        decoded++
        return new Codec.Failure("bad")
      }
    })
    const frames = Array.from({ length: 5_000 }, () => "x")
    assert.strictEqual(decode(Codec.yieldErrors(counting), frames).messages.length, 5_000)
    assert.strictEqual(decoded, 5_000)
  })
})

describe("types", () => {
  it("In and Out read a codec's two sides, and Any holds every codec", () => {
    const any: ReadonlyArray<Codec.Any> = [Codec.frames, Codec.text, Codec.bytes, Codec.json]
    const received: Codec.In<typeof Codec.frames> = Message.text("a")
    const sent: Codec.Out<typeof Codec.frames> = "bare"
    // @ts-expect-error text carries strings, not numbers
    const wrong: Codec.In<typeof Codec.text> = 1
    assert.deepStrictEqual([any.length, received._tag, sent, wrong], [4, "Text", "bare", 1])
  })
})
