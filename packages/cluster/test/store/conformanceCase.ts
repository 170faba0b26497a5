/** What a case of the conformance needs: a store, time that passes, and spans. */
import { assert } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type { StoreFailed } from "../../src/FleetError.ts"
import type { FleetStore } from "../../src/FleetStore.ts"

export interface Rig {
  readonly store: FleetStore["Service"]
  /** Lets milliseconds pass, as the store sees them. */
  readonly advance: (millis: number) => Effect.Effect<void>
}

export interface Case {
  readonly name: string
  readonly run: (rig: Rig) => Effect.Effect<void, StoreFailed>
}

export const second = 1_000
export const ttl = 100 * second

export const near = (actual: number | undefined, expected: number) =>
  assert.approximately(actual ?? Number.NaN, expected, 20 * second)
