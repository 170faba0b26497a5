/** Waits for what the platform or a server does in its own time, and announces to nobody. */
import * as Effect from "effect/Effect"

/** A turn of the event loop. */
export const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

export const settled = (predicate: () => boolean) =>
  Effect.gen(function* () {
    while (!predicate()) yield* turn
  })
