/**
 * Proves that the store in memory does what the fleet's safety stands on: who may
 * claim, renew and release; which cursors are kept; how many dials are granted.
 * `SqlFleetStore.test.ts` holds Postgres to the same cases.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as FleetStore from "../../src/FleetStore.ts"
import * as Conformance from "./conformance.ts"
import * as Histories from "./histories.ts"

const rig = Effect.map(FleetStore.makeMemory, (store): Conformance.Rig => ({ store, advance: TestClock.adjust }))

describe("FleetStore in memory", () => {
  for (const { name, run } of Conformance.cases) it.effect(name, () => Effect.flatMap(rig, run))

  it.effect("answers as its model in 100 random histories", () =>
    Effect.forEach(
      Array.from({ length: 100 }, (_, n) => n + 1),
      (seed) => Effect.flatMap(rig, (rig) => Histories.history(rig, seed, 120))
    )
  )
})
