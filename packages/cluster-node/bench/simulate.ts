/**
 * Many names on four processes of one `TestFleet`, as a program of its own: the time is
 * simulated, and the rest is the code that real processes run. All share one machine, as
 * the real ones do, which makes one connection after the other. Its arguments are how many
 * names, and how long a connection takes the machine, in milliseconds; it prints what it
 * saw as JSON.
 */
import * as FleetKind from "@kharbranth/cluster/FleetKind"
import * as TestFleet from "@kharbranth/cluster/testing/TestFleet"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as TestServer from "kharbranth/testing/TestServer"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import { budget, idleFor, processes, shards } from "../test/rig/many.ts"

/** What a simulated opening and a quiet time after it took. */
export interface Simulated {
  /** From the wish to the last name that was open, in milliseconds. */
  readonly took: number
  readonly dials: ReadonlyArray<number>
  readonly openingStatements: number
  readonly idlePerSecond: number
}

const Feed = FleetKind.make("feed", {
  params: Schema.Struct({}),
  codec: Codec.text,
  open: (_, { name }) => ({ target: `wss://feed.example/${name}`, budget: ["feed"] }),
  consume: ({ entries }) => Stream.runDrain(entries)
})

/** What the machine does takes its turn. */
const machine = (clock: Clock.Clock) => {
  let freeAt = 0
  return (millis: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const now = clock.currentTimeMillisUnsafe()
      freeAt = Math.max(now, freeAt) + millis
      return Effect.sleep(freeAt - now)
    })
}

const program = (names: number, perDial: number) =>
  Effect.gen(function* () {
    const fleet = yield* TestFleet.make({
      kinds: [Feed],
      runners: processes,
      buckets: shards,
      network: { latency: "5 millis" },
      budget: { fleet: { feed: budget } }
    })
    const dials: Array<number> = []
    const clock = yield* Clock.clockWith(Effect.succeed)
    const busy = machine(clock)
    yield* fleet.network.serve(
      "wss://feed.example/",
      () => Effect.sync(() => void dials.push(clock.currentTimeMillisUnsafe())),
      { answer: () => Effect.as(busy(perDial), TestServer.accept()) }
    )
    // All buckets are owned by then.
    yield* Effect.sleep("20 seconds")
    const [first] = yield* fleet.runners
    // As a database takes that does nothing else.
    for (const runner of yield* fleet.runners) yield* runner.slowStore("10 millis")
    const before = yield* fleet.statements
    const at = clock.currentTimeMillisUnsafe()
    yield* first!.fleet.reconcile(Feed, new Map(Array.from({ length: names }, (_, n) => [`name-${n}`, {}])))
    while (dials.length < names) yield* Effect.sleep("500 millis")
    const opened = yield* fleet.statements
    yield* Effect.sleep("5 seconds")
    const still = yield* fleet.statements
    yield* Effect.sleep(idleFor)
    const idle = (yield* fleet.statements) - still
    return {
      took: dials.at(-1)! - at,
      dials,
      openingStatements: opened - before,
      idlePerSecond: idle / (idleFor / 1_000)
    } satisfies Simulated
  })

const exit = await VirtualTime.run(
  Effect.scoped(program(Number(process.argv[2]), Number(process.argv[3]))).pipe(
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
)
if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
process.stdout.write(JSON.stringify(exit.value), () => process.exit())
