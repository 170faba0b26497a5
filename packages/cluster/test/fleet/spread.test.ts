/**
 * Proves that a process which lives never stays without what the cluster gave it:
 * whatever happened before (others held everything when it joined, it was paused or cut
 * from the store, the store was slow, notices got lost), each process holds exactly its
 * share, and has its names open, within a lease and the times of a claim after the last
 * fault.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Codec from "kharbranth/Codec"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetKind from "../../src/FleetKind.ts"
import { Members } from "../../src/testing/internal/members.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"
import { randomOf } from "../support/random.ts"

const buckets = 24
const ttl = 4_000
const detection = 800
const lag = 400
const settle = 1_000
/** A statement of before may still be waited for, then come two looks, and the names that are on their way. */
const claiming = ttl / 4 + 2_000 + 3_000
const names = Array.from({ length: 40 }, (_, n) => `name-${n}`)

const kindOf = (handover: "breakFirst" | "makeFirst") =>
  FleetKind.make("feed", {
    params: Schema.Struct({}),
    codec: Codec.text,
    handover,
    open: (_, { name }) => ({ target: `wss://feed.example/${name}` })
  })

/** What each process should hold, by the model that the fleet itself looks at. */
const assigned = (runners: ReadonlyArray<TestFleet.TestRunner>) =>
  Effect.map(Clock.clockWith(Effect.succeed), (clock) => {
    const members = new Members(buckets, clock, () => 1)
    for (const { name } of runners) members.note(name, true, 0)
    return new Map(
      runners.map(({ fleet, name, process }) => {
        const { owned } = members.engine(name, process, () => true, 0)
        return [fleet.holder, [...owned()].toSorted()] as const
      })
    )
  })

const trouble = (fleet: TestFleet.TestFleet, random: ReturnType<typeof randomOf>, number: number) =>
  Effect.gen(function* () {
    const runners = yield* fleet.runners
    const victim = random.pick(runners)
    const span = random.below(2 * ttl)
    switch (random.below(runners.length < 6 ? 7 : 6)) {
      case 0:
        yield* victim.kill
        yield* Effect.sleep(span)
        return yield* fleet.join(victim.name)
      case 1:
        yield* victim.pause(random() < 0.5 ? "runs" : "stops")
        yield* Effect.sleep(span)
        return yield* victim.resume
      case 2:
        yield* victim.cutStore
        yield* Effect.sleep(span)
        return yield* victim.healStore
      case 3:
        // Slower than a statement may take, at times.
        yield* victim.slowStore(random.below(ttl / 3))
        yield* Effect.sleep(span)
        return yield* victim.slowStore(0)
      case 4:
        if (runners.length > 2) yield* victim.leave
        return
      default:
        return yield* fleet.join(`x${number}`)
    }
  })

const program = (seed: number) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const kind = kindOf(random.pick(["breakFirst", "makeFirst"]))
    const notices = random.pick(["all", "some", "none"] as const)
    const fleet = yield* TestFleet.make({
      kinds: [kind],
      runners: 1,
      seed,
      buckets,
      detection,
      lag,
      notices,
      lease: { ttl, settle },
      moves: { deadline: 3_000 }
    })
    const server = yield* fleet.network.serve("wss://feed.example/")
    const [first] = yield* fleet.runners
    yield* first!.fleet.reconcile(kind, new Map(names.map((name) => [name, {}])))
    // It holds everything when the others come.
    yield* Effect.sleep(settle + 2_000)
    for (let n = 2; n <= 4; n++) yield* fleet.join(`r${n}`)
    for (let n = 0; n < 10; n++) {
      yield* Effect.forkScoped(Effect.ignoreCause(trouble(fleet, random, n)))
      yield* Effect.sleep(random.below(4_000))
    }
    yield* Effect.sleep(2 * ttl)
    for (const runner of yield* fleet.runners) {
      yield* runner.resume
      yield* runner.healStore
      yield* runner.slowStore(0)
    }
    yield* Effect.sleep(ttl + detection + lag + settle + claiming)
    const runners = yield* fleet.runners
    const held = new Map<string | undefined, Array<string>>(runners.map(({ fleet }) => [fleet.holder, []]))
    for (const { bucket, holder } of yield* fleet.store.leases.all)
      held.set(holder, [...(held.get(holder) ?? []), bucket].toSorted())
    const open = new Map<string, number>()
    for (const { request } of yield* server.connections) open.set(request.url, (open.get(request.url) ?? 0) + 1)
    return { held, should: yield* assigned(runners), open: [...open.values()] }
  })

const from = Number(process.env["SEED"] ?? 1)
const seeds = process.env["SEED"] === undefined ? 3 : 1

describe("after the last fault", () => {
  it("every process that lives holds what the cluster gave it, and its names are open once", async () => {
    for (let seed = from; seed < from + seeds; seed++) {
      const exit = await VirtualTime.run(Effect.scoped(program(seed)).pipe(Effect.provide(Logger.layer([]))))
      if (Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit.cause)}`)
      const { held, open, should } = exit.value
      assert.deepStrictEqual(Object.fromEntries(held), Object.fromEntries(should), `seed ${seed}`)
      assert.deepStrictEqual(
        open,
        names.map(() => 1),
        `seed ${seed}`
      )
    }
  })
})
