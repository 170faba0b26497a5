/**
 * Finds sleeps that the page did not announce, by two signs. The wall clock goes
 * on while a suspended machine's monotonic clock stands still (or the reverse,
 * when the clock is set). And a timer comes back much later than asked; this one
 * counts only where timers are exact, because those of a hidden page may be a
 * minute late on purpose.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

const HIDDEN_PAGE_TIMER = 60_000

export const watchClocks = (options: {
  readonly clock: Clock.Clock
  readonly tick: Duration.Duration
  readonly tolerance: Duration.Duration
  readonly timersAreExact: () => boolean
  readonly woke: (slept: Duration.Duration) => void
}): Effect.Effect<never> => {
  const { clock } = options
  const tick = Duration.toMillis(options.tick)
  const tolerance = Duration.toMillis(options.tolerance)
  const now = () => ({
    wall: clock.currentTimeMillisUnsafe(),
    monotonic: Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
  })
  return Effect.gen(function* () {
    for (;;) {
      const before = now()
      const exactBefore = options.timersAreExact()
      yield* Effect.sleep(options.tick)
      const after = now()
      const exact = exactBefore && options.timersAreExact()
      const monotonic = after.monotonic - before.monotonic
      const apart = Math.abs(after.wall - before.wall - monotonic)
      const late = monotonic - tick - (exact ? 0 : HIDDEN_PAGE_TIMER)
      if (apart > tolerance || late > tolerance) options.woke(Duration.millis(Math.max(apart, late)))
    }
  })
}
