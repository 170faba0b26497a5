/**
 * Parks fibers until a condition holds. A fiber looks at the condition when it
 * parks and all parked fibers are settled by a wake after which it holds, so a
 * wake between a look and the parking is not lost.
 */
import * as Effect from "effect/Effect"

export interface Waiting<A, E> {
  /** Waits, in order, until the condition gives a result. */
  readonly wait: Effect.Effect<A, E>
  /** How many fibers wait. */
  readonly size: () => number
  /** Looks again, because the condition may have changed. */
  readonly wake: () => void
  /** Ends every wait, whatever the condition says. */
  readonly settle: (result: Effect.Effect<A, E>) => void
}

/** `look` gives the result of a wait, or `undefined` while there is none. */
export const make = <A, E = never>(look: () => Effect.Effect<A, E> | undefined): Waiting<A, E> => {
  let parked = new Set<(result: Effect.Effect<A, E>) => void>()

  const settle = (result: Effect.Effect<A, E>) => {
    const resumed = parked
    parked = new Set()
    for (const resume of resumed) resume(result)
  }

  return {
    settle,
    size: () => parked.size,
    wait: Effect.callback((resume) => {
      const result = look()
      if (result !== undefined) return resume(result)
      parked.add(resume)
      return Effect.sync(() => void parked.delete(resume))
    }),
    wake: () => {
      const result = look()
      if (result !== undefined) settle(result)
    }
  }
}
