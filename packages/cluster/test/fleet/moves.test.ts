/**
 * Proves that no name of a `makeFirst` kind is ever without a socket when a process
 * joins or leaves and many buckets move at the same time, whatever the loop that
 * closes names is doing when a bucket is on its way.
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

const names = Array.from({ length: 60 }, (_, n) => `name-${n}`)

const Feed = FleetKind.make("feed", {
  params: Schema.Struct({}),
  codec: Codec.text,
  handover: "makeFirst",
  open: (_, { name }) => ({ target: `wss://feed.example/${name}` }),
  consume: ({ entries }) => Stream.runDrain(entries)
})

/** The least number of sockets that any name had, looked at every few milliseconds while a program runs. */
const leastDuring = (seed: number, change: (fleet: TestFleet.TestFleet) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const fleet = yield* TestFleet.make({ kinds: [Feed], runners: 3, buckets: 24, seed })
    const server = yield* fleet.network.serve("wss://feed.example/")
    const [first] = yield* fleet.runners
    yield* first!.fleet.reconcile(Feed, new Map(names.map((name) => [name, {}])))
    // The store takes its time, as a database does, so rounds and moves meet in every order.
    for (const runner of yield* fleet.runners) yield* runner.slowStore("40 millis")
    const counts = Effect.map(server.connections, (peers) => {
      const open = new Map<string, number>()
      for (const { request } of peers) open.set(request.url, (open.get(request.url) ?? 0) + 1)
      return open
    })
    while ((yield* counts).size < names.length) yield* Effect.sleep("100 millis")
    let least = Infinity
    let most = 0
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.gen(function* () {
          const open = yield* counts
          least = Math.min(least, open.size < names.length ? 0 : Math.min(...open.values()))
          most = Math.max(most, ...open.values())
          yield* Effect.sleep("5 millis")
        })
      )
    )
    yield* change(fleet)
    yield* Effect.sleep("20 seconds")
    return { least, most, after: (yield* server.connections).length }
  })

describe("makeFirst names of many buckets", () => {
  for (const seed of [1, 2, 3]) {
    it(`always have a socket when one process joins and another leaves (seed ${seed})`, async () => {
      const exit = await VirtualTime.run(
        Effect.scoped(
          leastDuring(seed, (fleet) =>
            Effect.gen(function* () {
              yield* fleet.join("r4")
              yield* Effect.sleep("20 seconds")
              const [first] = yield* fleet.runners
              yield* first!.leave
            })
          )
        )
      )
      if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
      assert.deepStrictEqual(exit.value, { least: 1, most: 2, after: names.length })
    })
  }
})
