/**
 * Proves that a consumer that fails begins again after 1, 2, 4 and 8 seconds, as
 * long as it fails, that each failure is an event, and that one that ends by itself
 * is left alone.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetKind from "../../src/FleetKind.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"

const url = "wss://feed.example/"

/** When a consumer began that fails so often, in seconds since the first time, and how many failures were told. */
const story = (failures: number) =>
  Effect.gen(function* () {
    const begun: Array<number> = []
    const Ticker = FleetKind.make("ticker", {
      params: Schema.Struct({}),
      codec: Codec.text,
      open: () => ({ target: url }),
      consume: () =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          begun.push(now)
          return begun.length <= failures ? Effect.fail("its store is full") : Effect.void
        })
    })
    const fleet = yield* TestFleet.make({ kinds: [Ticker], runners: 1 })
    yield* fleet.network.serve(url)
    const [runner] = yield* fleet.runners
    let told = 0
    const counting = Stream.runForEach(runner!.fleet.events, ({ _tag }) =>
      Effect.sync(() => {
        if (_tag === "ConsumerFailed") told++
      })
    )
    yield* Effect.forkScoped(runner!.process.provide(counting))
    yield* runner!.fleet.reconcile(Ticker, new Map([["a", {}]]))
    yield* Effect.sleep("2 minutes")
    return { after: begun.map((at) => Math.round((at - begun[0]!) / 1_000)), told }
  })

const run = async (failures: number) => {
  const exit = await VirtualTime.run(Effect.scoped(Effect.provide(story(failures), Logger.layer([]))))
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}

describe("a consumer", () => {
  it("that fails begins again, ever later, until it does not", async () => {
    assert.deepStrictEqual(await run(4), { after: [0, 1, 3, 7, 15], told: 4 })
  })

  it("that ends is left alone", async () => {
    assert.deepStrictEqual(await run(0), { after: [0], told: 0 })
  })
})
