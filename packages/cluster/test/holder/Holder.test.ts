/**
 * Proves what a process does with leases that it cannot renew: it cuts everything a
 * little before their end, and a watchdog counts down until the last socket is cut,
 * not only until the clock says that the lease is over. And that a bucket which goes on
 * beside its next holder is not cut for a renewal that was asked before it was free,
 * nor for an answer of the store that got lost.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { foreign } from "kharbranth/ConnectionError"
import { InvalidFleet, StoreFailed } from "../../src/FleetError.ts"
import type { FleetEvent } from "../../src/FleetEvent.ts"
import type { FleetStore } from "../../src/FleetStore.ts"
import { Holder } from "../../src/internal/holder/holder.ts"
import { timingOf } from "../../src/internal/holder/timing.ts"
import { make as makeMemory } from "../../src/internal/store/memory.ts"

const buckets = ["b0", "b1", "b2"]

const timing = () => {
  const made = timingOf({ ttl: "12 seconds", margin: "400 millis", settle: 0 })
  assert.notInstanceOf(made, InvalidFleet)
  return made
}

/** A holder of three buckets whose store goes away when `away` is set. */
const rig = Effect.gen(function* () {
  const memory = yield* makeMemory
  const state = { away: false, events: [] as Array<FleetEvent["_tag"]> }
  const failing = <A, E>(statement: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | StoreFailed> =>
      state.away ? Effect.fail(new StoreFailed({ operation: "test", cause: foreign("away") })) : statement
    )
  const store: FleetStore["Service"] = {
    ...memory,
    leases: {
      claim: (claim) => failing(memory.leases.claim(claim)),
      renew: (leases, ttl) => failing(memory.leases.renew(leases, ttl)),
      release: (leases) => failing(memory.leases.release(leases)),
      all: failing(memory.leases.all)
    }
  }
  const holder = new Holder({
    holder: "one",
    store,
    clock: yield* Clock.clockWith(Effect.succeed),
    timing: timing(),
    owned: () => new Set(buckets),
    changed: () => {},
    open: () => 1,
    decide: () => {},
    close: () => Effect.void,
    going: () => [],
    goOn: () => Effect.void,
    end: () => Effect.void,
    emit: ({ _tag }) => void state.events.push(_tag)
  })
  yield* holder.run()
  yield* TestClock.adjust("4 seconds")
  assert.sameMembers([...holder.held.keys()], buckets)
  return { holder, state }
})

describe("a holder whose store is away", () => {
  it.effect("holds on for three quarters of a lease, and renews when the store is back", () =>
    Effect.gen(function* () {
      const { holder, state } = yield* rig
      // Right after a renewal, right before one, and in between: the interval is 1.5 seconds.
      for (let n = 0; n < 40; n++) {
        yield* TestClock.adjust(n * 37)
        state.away = true
        yield* TestClock.adjust(timing().ttl * 0.75)
        state.away = false
        yield* TestClock.adjust("3 seconds")
      }
      assert.sameMembers([...holder.held.keys()], buckets)
      assert.notInclude(state.events, "Lost")
    })
  )

  it.effect("cuts everything while a watchdog would still wait for most of a second", () =>
    Effect.gen(function* () {
      const { holder, state } = yield* rig
      const { ease, grace, ttl } = timing()
      const cut = new Set<string>()
      for (const { right } of holder.held.values()) right.onEnd(() => void cut.add(right.lease.bucket))
      let least = Infinity
      state.away = true
      while (holder.held.size > 0) {
        least = holder.left()!
        yield* TestClock.adjust(10)
      }
      assert.sameMembers([...cut], buckets)
      assert.isUndefined(holder.left())
      assert.isAtLeast(least + grace, 0.05 * ttl)
      assert.isAtMost(least, ease + 20)
      assert.lengthOf(
        state.events.filter((tag) => tag === "Lost"),
        buckets.length
      )
    })
  )

  it.effect("is watched until its sockets are cut, however late that is", () =>
    Effect.gen(function* () {
      const { holder } = yield* rig
      const [held] = holder.held.values()
      // The clock alone has ended this right: no sweep has come by yet.
      Object.assign(held!.right, { monotonicEnd: 0n })
      assert.isFalse(held!.right.isLive())
      assert.isBelow(holder.left()!, 0)
      held!.right.revoke()
      assert.isAbove(holder.left()!, 0)
    })
  )
})

/** A holder of one bucket that another asks for, whose names go on for five seconds beside it. */
const moving = (wrap: (store: FleetStore["Service"]) => FleetStore["Service"]) =>
  Effect.gen(function* () {
    const memory = yield* makeMemory
    const events: Array<FleetEvent["_tag"]> = []
    const owned = new Set(["b0"])
    const cuts: Array<boolean> = []
    const holder = new Holder({
      holder: "one",
      store: wrap(memory),
      clock: yield* Clock.clockWith(Effect.succeed),
      timing: timing(),
      owned: () => owned,
      changed: () => {},
      open: () => 1,
      decide: () => {},
      close: () => Effect.void,
      going: () => [{ name: "n", value: null }],
      goOn: (right) =>
        Effect.andThen(
          Effect.sleep("5 seconds"),
          Effect.sync(() => void cuts.push(right.isCut()))
        ),
      end: () => Effect.void,
      emit: ({ _tag }) => void events.push(_tag)
    })
    yield* holder.run()
    yield* TestClock.adjust("4 seconds")
    owned.clear()
    yield* memory.leases.claim({ holder: "two", buckets: ["b0"], ttl: timing().ttl })
    yield* TestClock.adjust("20 seconds")
    return { cuts, events }
  })

describe("a bucket that goes on beside its next holder", () => {
  it.effect("is not cut for a renewal that was asked before it was free and answered after", () =>
    Effect.gen(function* () {
      const { cuts, events } = yield* moving((store) => ({
        ...store,
        handovers: {
          ...store.handovers,
          begin: (...args) =>
            Effect.andThen(
              Effect.sleep("1800 millis"),
              Effect.tap(store.handovers.begin(...args), Effect.sleep("1 second"))
            )
        },
        // Asked a second and a half after the one before, and so while the bucket is being freed.
        leases: {
          ...store.leases,
          renew: (...args) => Effect.andThen(Effect.sleep("700 millis"), store.leases.renew(...args))
        }
      }))
      assert.deepStrictEqual(cuts, [false])
      assert.include(events, "Overlapping")
    })
  )

  it.effect("goes on when the store freed it and the answer got lost", () =>
    Effect.gen(function* () {
      const { cuts, events } = yield* moving((store) => ({
        ...store,
        handovers: {
          ...store.handovers,
          begin: (...args) => Effect.andThen(store.handovers.begin(...args), Effect.never)
        }
      }))
      assert.deepStrictEqual(cuts, [false])
      assert.includeMembers(events, ["StoreTrouble", "Overlapping", "Released"])
    })
  )
})
