/** Looks after those who hold a socket back: as long as they get on, they may. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export const watchStall = (options: {
  readonly fork: (effect: Effect.Effect<unknown>) => void
  readonly maxStall: Duration.Input
  readonly isHolding: () => boolean
  /** What was done so far. */
  readonly done: () => number
  /** Nothing was done for so long. */
  readonly stalled: () => void
}): void => {
  const look = (seen: number): Effect.Effect<void> =>
    Effect.andThen(
      Effect.sleep(options.maxStall),
      Effect.suspend(() => {
        if (!options.isHolding()) return Effect.void
        const done = options.done()
        return done === seen ? Effect.sync(options.stalled) : look(done)
      })
    )
  options.fork(look(options.done()))
}
