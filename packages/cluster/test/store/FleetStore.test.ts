/**
 * Proves that the store in memory does what the fleet's safety stands on: who may
 * claim, renew and release; which cursors are kept; how many dials are granted; and
 * that it says at once what has changed.
 * `SqlFleetStore.test.ts` holds Postgres to the same cases.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as FleetStore from "../../src/FleetStore.ts"
import * as Conformance from "./conformance.ts"
import * as Histories from "./histories.ts"
import * as Notices from "../support/notices.ts"

const rig = Effect.map(FleetStore.makeMemory, (store): Conformance.Rig => ({ store, advance: TestClock.adjust }))

describe("FleetStore in memory", () => {
  for (const { name, run } of Conformance.cases) it.effect(name, () => Effect.flatMap(rig, run))

  it.effect("answers as its model in 100 random histories", () =>
    Effect.forEach(
      Array.from({ length: 100 }, (_, n) => n + 1),
      (seed) => Effect.flatMap(rig, (rig) => Histories.history(rig, seed, 120))
    )
  )

  it.effect("says what has changed, and nothing that has not", () =>
    Effect.gen(function* () {
      const store = yield* FleetStore.makeMemory
      const heard: Array<FleetStore.Notice> = []
      yield* store.news!.listen((notice) => void heard.push(notice))
      yield* Notices.steps(store)
      assert.deepStrictEqual(heard, Notices.expected)
    })
  )
})
