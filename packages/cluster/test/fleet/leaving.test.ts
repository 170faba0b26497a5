/**
 * Proves how a process leaves a fleet: it gives each bucket to the one that asks
 * for it, so that a name is without a socket for a moment only; one that is alone
 * does not wait for others; and one whose store is slow does not wait for it for ever.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetKind from "../../src/FleetKind.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"

const Ticker = FleetKind.make("ticker", {
  params: Schema.Int,
  codec: Codec.text,
  open: (_, { name }) => ({ target: `wss://feed.example/${name}` })
})

const names = Array.from({ length: 12 }, (_, n) => `name-${n}`)

const run = async <A>(program: Effect.Effect<A, unknown, never>): Promise<A> => {
  const exit = await VirtualTime.run(program)
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}

const rig = Effect.fnUntraced(function* (runners: number, more: Partial<TestFleet.Options<[typeof Ticker]>> = {}) {
  const fleet = yield* TestFleet.make({ kinds: [Ticker], runners, ...more })
  const server = yield* fleet.network.serve("wss://feed.example/")
  const all = yield* fleet.runners
  yield* all[0]!.fleet.reconcile(Ticker, new Map(names.map((name, n) => [name, n])))
  yield* Effect.forEach(names, () => server.accepted)
  return { all, server }
})

describe("a process that leaves", () => {
  it("gives every bucket to the one that asks for it", () =>
    run(
      Effect.gen(function* () {
        const { all, server } = yield* rig(2)
        const [leaver] = all
        const askers: Array<string | undefined> = []
        yield* leaver!.fleet.events.pipe(
          Stream.runForEach((event) =>
            Effect.sync(() => {
              if (event._tag === "Released") askers.push(event.wantedBy)
            })
          ),
          Effect.forkScoped({ startImmediately: true })
        )
        yield* leaver!.leave
        assert.isNotEmpty(askers)
        assert.deepStrictEqual([...new Set(askers)], [all[1]!.fleet.holder])
        yield* Effect.sleep("2 seconds")
        assert.lengthOf(yield* server.connections, names.length)
      }).pipe(Effect.scoped)
    ))

  it("does not wait when it is alone", () =>
    run(
      Effect.gen(function* () {
        const { all } = yield* rig(1)
        assert.strictEqual((yield* Effect.timeoutOption(all[0]!.leave, "1 second"))._tag, "Some")
      }).pipe(Effect.scoped)
    ))

  it("is gone within 30 seconds where its store is slow, and its names are open elsewhere", () =>
    run(
      Effect.gen(function* () {
        const { all, server } = yield* rig(2, { buckets: 60, moves: { concurrent: 1 } })
        const [leaver] = all
        // As long as a statement may take, nearly, and more than a second for each bucket.
        yield* leaver!.slowStore("3 seconds")
        const clock = yield* Effect.clockWith(Effect.succeed)
        const at = clock.currentTimeMillisUnsafe()
        yield* leaver!.leave
        assert.isAtMost(clock.currentTimeMillisUnsafe() - at, 31_000)
        yield* Effect.sleep("20 seconds")
        assert.lengthOf(yield* server.connections, names.length)
      }).pipe(Effect.scoped)
    ))
})
