/**
 * Proves that a contract's types are what `invoke`, `stream` and `on` need (a
 * wrong one does not compile), and that its codecs turn values into their wire
 * form and back for both protocols, finding what does not fit by its path and
 * never repeating it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Hub from "../../src/Hub.ts"
import * as HubCodec from "../../src/HubCodec.ts"

const Entity = Schema.Struct({ text: Schema.String, number: Schema.Int })

const TestHub = Hub.make({
  methods: {
    Add: Hub.method({ args: [Schema.Int, Schema.Int], result: Schema.Int, idempotent: true }),
    Ping: Hub.method(),
    Push: Hub.method({ args: [Entity] }),
    At: Hub.method({ args: [Schema.Date, Schema.Uint8Array], result: Schema.Date }),
    Mix: Hub.method({ args: [Hub.upload(Schema.Int), Schema.String, Hub.upload(Schema.Date)], result: Schema.Int }),
    Two: Hub.method({ args: [Hub.upload(Schema.Int), Hub.upload(Schema.Int)] })
  },
  streams: {
    Entities: Hub.stream({ args: [Schema.Int], item: Entity }),
    All: Hub.stream({ item: Schema.Date })
  },
  events: {
    Message: Hub.event({ args: [Schema.String, Schema.Date] }),
    ask: Hub.event({ args: [Entity], result: Entity })
  }
})
type TestHub = typeof TestHub

// Type tests: each line fails to compile when an inferred type is another one.
type Probe<A> = <T>(value: T) => T extends A ? 1 : 2
type Equal<A, B> = Probe<A> extends Probe<B> ? true : false
const proved = <T extends true>(proof: T): T => proof
type E = { readonly text: string; readonly number: number }

const invoke = <N extends Hub.MethodName<TestHub>>(_name: N, ..._args: Hub.MethodArguments<TestHub, N>) => true

const text = HubCodec.make(TestHub, "Text")
const binary = HubCodec.make(TestHub, "Binary")
const call = (codec: HubCodec.CallCodec | undefined) => codec ?? assert.fail("no such call")
const fault = <A>(result: Result.Result<A, HubCodec.Fault>) =>
  Result.isFailure(result) ? result.failure : assert.fail("expected a fault")

describe("Hub", () => {
  it("types of arguments, results, items, events and client results are inferred from the contract", () => {
    proved<Equal<Hub.MethodArguments<TestHub, "Add">, readonly [number, number]>>(true)
    proved<Equal<Hub.MethodResult<TestHub, "Add">, number>>(true)
    proved<Equal<Hub.MethodArguments<TestHub, "Ping">, readonly []>>(true)
    proved<Equal<Hub.MethodResult<TestHub, "Ping">, void>>(true)
    proved<Equal<Hub.MethodResult<TestHub, "Push">, void>>(true)
    proved<
      Equal<
        Hub.MethodArguments<TestHub, "Mix">,
        readonly [Stream.Stream<number, unknown>, string, Stream.Stream<Date, unknown>]
      >
    >(true)
    proved<Equal<Hub.StreamArguments<TestHub, "Entities">, readonly [number]>>(true)
    proved<Equal<Hub.StreamElement<TestHub, "Entities">, E>>(true)
    proved<Equal<Hub.StreamArguments<TestHub, "All">, readonly []>>(true)
    proved<Equal<Hub.StreamElement<TestHub, "All">, Date>>(true)
    proved<Equal<Hub.EventArguments<TestHub, "Message">, readonly [string, Date]>>(true)
    proved<Equal<Hub.EventResult<TestHub, "Message">, void>>(true)
    proved<Equal<Hub.EventResult<TestHub, "ask">, E>>(true)
    proved<Equal<Hub.MethodName<TestHub>, "Add" | "Ping" | "Push" | "At" | "Mix" | "Two">>(true)
    assert.isTrue(invoke("Add", 1, 2) && invoke("Ping") && invoke("Mix", Stream.make(1), "x", Stream.empty))
    // @ts-expect-error a string is no number
    invoke("Add", 1, "2")
    // @ts-expect-error one argument is missing
    invoke("Add", 1)
    // @ts-expect-error the hub has no such method
    invoke("Substract", 1, 2)
    // @ts-expect-error the upload carries numbers
    invoke("Mix", Stream.make("1"), "x", Stream.empty)
    // @ts-expect-error a schema that needs services cannot be used on the spot
    Hub.method({ args: [Schema.String as Schema.Codec<string, string, "Service">] })
    assert.isTrue(TestHub.methods.Add.idempotent)
    assert.isFalse(TestHub.methods.Push.idempotent)
  })

  it("a text protocol carries dates as ISO text and bytes as base64; a binary one carries them as they are", () => {
    const args = [new Date(0), Uint8Array.of(1, 2, 255)]
    const asText = Result.getOrThrow(call(text.method("At")).encodeArguments(args)).values
    assert.deepStrictEqual(asText, ["1970-01-01T00:00:00.000Z", "AQL/"])
    assert.deepStrictEqual(Result.getOrThrow(call(text.method("At")).decodeArguments(asText)), args)
    const asBinary = Result.getOrThrow(call(binary.method("At")).encodeArguments(args)).values
    assert.deepStrictEqual(asBinary, args)
    assert.deepStrictEqual(Result.getOrThrow(call(binary.method("At")).decodeArguments(asBinary)), args)
    assert.deepStrictEqual(
      Result.getOrThrow(call(text.method("At")).result.decode("1970-01-01T00:00:00.000Z")),
      new Date(0)
    )
  })

  it("D43: uploads are taken out of the arguments wherever they stand, adjacent ones too, and put back by the server", () => {
    const mixed = Result.getOrThrow(call(text.method("Mix")).encodeArguments(["up1", "x", "up2"]))
    assert.deepStrictEqual(mixed.values, ["x"])
    assert.deepStrictEqual(
      mixed.uploads.map(({ stream }) => stream),
      ["up1", "up2"]
    )
    assert.deepStrictEqual(Result.getOrThrow(mixed.uploads[1]!.item.encode(new Date(0))), "1970-01-01T00:00:00.000Z")
    const two = Result.getOrThrow(call(text.method("Two")).encodeArguments(["a", "b"]))
    assert.deepStrictEqual([two.values, two.uploads.map(({ stream }) => stream)], [[], ["a", "b"]])
    assert.deepStrictEqual(Result.getOrThrow(call(text.method("Mix")).decodeArguments(["x"], ["u1", "u2"])), [
      "u1",
      "x",
      "u2"
    ])
    assert.deepStrictEqual(fault(call(text.method("Mix")).decodeArguments(["x"], ["u1"])).path, [2])
    assert.strictEqual(call(text.method("Mix")).uploads.length, 2)
  })

  it("what does not fit is found by its path, in both directions, and is not repeated", () => {
    const wrong = { text: "hush", number: "hush" }
    const faults = [
      [call(text.method("Push")).encodeArguments([wrong]), [0, "number"]],
      [call(text.method("Push")).encodeArguments([]), [0]],
      [call(text.method("Add")).encodeArguments([1, 2, 3]), [2]],
      [call(text.method("Add")).encodeArguments([1, 1.5]), [1]],
      [call(text.method("Add")).result.decode("hush"), []],
      [call(text.method("Add")).result.decode(undefined), []],
      [call(text.stream("Entities")).result.decode({ text: 5, number: 1 }), ["text"]],
      [call(text.stream("Entities")).result.decode({ number: 1 }), ["text"]],
      [call(text.event("Message")).decodeArguments(["a", "hush"]), [1]],
      [call(text.event("Message")).decodeArguments(["a"]), [1]],
      [call(text.event("ask")).result.encode(wrong), ["number"]]
    ] as const
    for (const [result, path] of faults) {
      const { issue, path: found } = fault<unknown>(result)
      assert.deepStrictEqual(found, path)
      assert.notMatch(issue, /hush/)
      assert.notStrictEqual(issue, "")
    }
  })

  it("E54: events are found in any case, and surplus arguments of a newer server are ignored", () => {
    const message = call(text.event("mESSAGE"))
    assert.strictEqual(message, text.event("Message"))
    assert.deepStrictEqual(Result.getOrThrow(message.decodeArguments(["a", "1970-01-01T00:00:00.000Z", "new"])), [
      "a",
      new Date(0)
    ])
    for (const name of ["nothing", "constructor", "__proto__"]) {
      assert.isUndefined(text.method(name) ?? text.stream(name) ?? text.event(name))
    }
  })

  it("a method without a result takes null, a value or nothing as done", () => {
    for (const value of [null, undefined, 5]) {
      assert.deepStrictEqual(call(text.method("Push")).result.decode(value), Result.succeed(undefined))
    }
  })
})
