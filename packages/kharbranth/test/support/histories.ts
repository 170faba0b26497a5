/**
 * The frame around random histories: which seeds run, and each in a scope of its
 * own. `SEED=n` starts with that seed, `RUNS=n` says how many run.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"

export const firstSeed = Number(process.env["SEED"] ?? 1)

export const runsOf = (many: number): number => Number(process.env["RUNS"] ?? many)

/** A storm of losses is no news here. */
const quiet = Effect.provide(Logger.layer([]))

export const eachSeed = <A, E>(
  runs: number,
  history: (seed: number) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<ReadonlyArray<A>, E> =>
  Effect.forEach(
    Array.from({ length: runs }, (_, index) => firstSeed + index),
    (seed) => quiet(Effect.scoped(history(seed)))
  )
