/**
 * Proves that a name of the fleet may have any characters that a store can keep, in
 * every verb that takes a name; that others are refused at the door, in words that
 * say why; and that a name that is not there is said to be missing, by every verb.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Codec from "kharbranth/Codec"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetKind from "../../src/FleetKind.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"

const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({ note: Schema.String }),
  codec: Codec.text,
  open: () => ({ target: "wss://feed.example/" })
})

const run = async (program: Effect.Effect<void, unknown>): Promise<void> => {
  const exit = await VirtualTime.run(program)
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
}

const rig = Effect.gen(function* () {
  const heard: Array<string> = []
  const fleet = yield* TestFleet.make({ kinds: [Ticker], runners: 2 })
  yield* fleet.network.serve("wss://feed.example/", (peer) =>
    peer.listen({ frame: (frame) => void heard.push(String(frame)) })
  )
  const [first, second] = yield* fleet.runners
  return { heard, first: first!, second: second! }
})

const odd = ["'; DROP TABLE kh_names; --", "a.b*>", '"\\u0000"', "ü 💥\n", "__proto__", "x/y?z#%", "n".repeat(500)]
const unfit = ["", "a\0b", "half \ud83d", "n".repeat(501)]

describe("names of a fleet", () => {
  it("may have any characters, in every verb", () =>
    run(
      Effect.gen(function* () {
        const { first, heard, second } = yield* rig
        for (const name of odd) yield* first.fleet.ensure(Ticker, name, { note: name })
        yield* Effect.sleep("20 seconds")
        for (const [n, name] of odd.entries()) {
          // One of the two is not its owner.
          assert.deepStrictEqual(yield* first.fleet.send(Ticker, name, `first ${n}`), { _tag: "Written" })
          assert.deepStrictEqual(yield* second.fleet.send(Ticker, name, `second ${n}`), { _tag: "Written" })
          yield* second.process.provide(second.manager.send(ConnectionManager.key(name, Codec.text), `key ${n}`))
          yield* first.process.provide(first.manager.restart(name))
          assert.isTrue(first.manager.has(name))
        }
        yield* Effect.sleep(10)
        assert.lengthOf(heard, 3 * odd.length)
        yield* second.fleet.release(...odd)
        assert.strictEqual((yield* first.fleet.overview).names, 0)
      }).pipe(Effect.scoped)
    ))

  it("that no store can keep are refused, and so are such params", () =>
    run(
      Effect.gen(function* () {
        const { first } = yield* rig
        for (const name of unfit) {
          const error = yield* Effect.flip(first.fleet.ensure(Ticker, name, { note: "" }))
          assert.strictEqual(error._tag, "InvalidParams")
          assert.match(error.message, /between 1 and 500 characters|neither U\+0000/)
          assert.strictEqual((yield* Effect.flip(first.fleet.send(Ticker, name, "x")))._tag, "NameNotFound")
        }
        const error = yield* Effect.flip(first.fleet.ensure(Ticker, "a", { note: "secret\0" }))
        assert.strictEqual(error._tag, "InvalidParams")
        assert.notInclude(error.message, "secret")
        assert.strictEqual((yield* first.fleet.overview).names, 0)
      }).pipe(Effect.scoped)
    ))

  it("that are not there are missing to every verb", () =>
    run(
      Effect.gen(function* () {
        const { first, second } = yield* rig
        const { manager, process } = second
        assert.strictEqual((yield* Effect.flip(first.fleet.send(Ticker, "none", "x")))._tag, "NameNotFound")
        const verbs = [
          manager.send("none", "x"),
          manager.send(ConnectionManager.key("none", Codec.text), "x"),
          manager.restart("none"),
          manager.rotate("none"),
          manager.pause("none")
        ]
        for (const verb of verbs)
          assert.strictEqual((yield* Effect.flip(process.provide(verb)))._tag, "ConnectionNotFound")
        assert.isFalse(manager.has("none"))
      }).pipe(Effect.scoped)
    ))
})
