/** Watches a reader or a handler that holds the socket back, and reports when it makes no progress. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export const watchStall = (options: {
  readonly fork: (effect: Effect.Effect<unknown>) => void
  readonly maxStall: Duration.Input
  /** Watching ends when the socket is held back no longer. */
  readonly isHolding: () => boolean
  /** Counts the steps that were done so far. */
  readonly done: () => number
  /** Called once, when no step was done for `maxStall`. */
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
