/** Whether everything came to rest after the faults, which the verdict asks once. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * Waits for a moment at which nothing is unsettled, and gives 0 then: what is
 * unsettled later is another matter, as a stream that was quiet for a while on a
 * slow machine. Past the limit it gives how many still are.
 */
export const unsettledAtRest = (unsettled: Effect.Effect<number>, limit: number): Effect.Effect<number> =>
  Effect.flatMap(Clock.currentTimeMillis, (start) => {
    const look: Effect.Effect<number> = Effect.gen(function* () {
      const left = yield* unsettled
      if (left === 0 || (yield* Clock.currentTimeMillis) - start >= limit) return left
      yield* Effect.sleep("50 millis")
      return yield* look
    })
    return look
  })
