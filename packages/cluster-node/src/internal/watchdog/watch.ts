/**
 * Keeps a watchdog's deadline up to date: looks ten times a second how long the
 * leases last, and passes on what changed.
 */
import type { Watched } from "@kharbranth/cluster/Watchdog"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const every = "100 millis"

/** The machine's monotonic clock, in milliseconds. */
export const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000

/** The moment at which the process must be dead; 0 when there is none. */
export const deadlineOf = ({ grace, left }: Watched): number => {
  const millis = left()
  return millis === undefined ? 0 : now() + millis + grace
}

/** Tells deadlines for as long as the scope. One that moved by less than a millisecond is the same. */
export const telling = (
  watched: Watched,
  tell: (deadline: number) => void
): Effect.Effect<void, never, Scope.Scope> => {
  let told = 0
  const look = Effect.sync(() => {
    const deadline = deadlineOf(watched)
    if (Math.abs(deadline - told) < 1) return
    told = deadline
    tell(deadline)
  })
  return Effect.asVoid(Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep(every)))))
}
