/**
 * Proves that a server which refuses is left alone by a whole fleet: few of its
 * dials get through while it is down, whichever process makes them, and all names
 * are Ready when it is back. Without a limit of the fleet every process tries for itself.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetKind from "../../src/FleetKind.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"

const names = Array.from({ length: 30 }, (_, n) => `n${n}`)

const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({}),
  codec: Codec.text,
  // Impatient: it is the budget that keeps dials apart.
  open: (_, { name }) => ({
    target: `wss://feed.example/${name}`,
    budget: ["feed"],
    reconnect: Reconnect.exponential({ base: "100 millis", cap: "200 millis" })
  })
})

const unavailable = Fault.reject({ status: 503 })

const story = (fleetLimit: boolean, down: Duration.Input) =>
  Effect.gen(function* () {
    const fleet = yield* TestFleet.make({
      kinds: [Ticker],
      runners: 3,
      budget: {
        local: { policy: { breaker: false } },
        fleet: fleetLimit ? { feed: { limit: 1_000, window: "1 second" } } : undefined
      }
    })
    const server = yield* fleet.network.serve("wss://feed.example/")
    const turned: Array<string> = []
    const runners = yield* fleet.runners
    for (const { fleet: own, process } of runners) {
      yield* Effect.forkScoped(
        process.provide(
          Stream.runForEach(own.events, ({ _tag }) =>
            Effect.sync(() => {
              if (_tag === "BreakerOpened" || _tag === "BreakerClosed") turned.push(_tag)
            })
          )
        )
      )
    }
    yield* fleet.network.inject(unavailable)
    yield* runners[0]!.fleet.reconcile(Ticker, new Map(names.map((name) => [name, {}])))
    yield* Effect.sleep(down)
    const whileDown = (yield* fleet.network.history).filter(({ _tag }) => _tag === "Dialed").length
    yield* fleet.network.lift(unavailable)
    yield* Effect.sleep("60 seconds")
    return { whileDown, turned, open: (yield* server.connections).length }
  })

const run = async (fleetLimit: boolean, down: Duration.Input) => {
  const exit = await VirtualTime.run(Effect.scoped(Effect.provide(story(fleetLimit, down), Logger.layer([]))))
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}

describe("a server that fails", () => {
  it("is tried by one dial for all processes, ever more rarely, and has all names when it is back", async () => {
    const { open, turned, whileDown } = await run(true, "60 seconds")
    // Five in a row, those under way in three processes, and one after 1, 2, 4, 8, 16 and 30 seconds.
    assert.isAtMost(whileDown, 40)
    assert.isAtLeast(turned.filter((tag) => tag === "BreakerOpened").length, 5)
    assert.strictEqual(turned.filter((tag) => tag === "BreakerClosed").length, 1)
    assert.strictEqual(open, names.length)
  })

  it("is tried by every process where the fleet has no limit", async () => {
    const { open, turned, whileDown } = await run(false, "10 seconds")
    assert.isAbove(whileDown, 200)
    assert.isEmpty(turned)
    assert.strictEqual(open, names.length)
  })
})
