/**
 * The write watermark of a socket that only has `bufferedAmount`. No event says
 * that the amount fell, so it is looked at every few milliseconds, but only
 * while it is over the high mark. Timers of a hidden page are slow, so call
 * `check` at other events of the socket as well.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export interface WriteMark {
  /** After a write: starts to watch when the high mark is reached. */
  readonly written: () => void
  /** Looks now, if the amount is being watched. */
  readonly check: () => void
  readonly stop: () => void
}

export const make = (options: {
  readonly high: number
  readonly low: number
  readonly buffered: () => number
  readonly drained: () => void
  readonly run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}): WriteMark => {
  let watcher: Fiber.Fiber<void> | undefined

  const stop = () => {
    const running = watcher
    watcher = undefined
    running?.interruptUnsafe()
  }

  const check = () => {
    if (watcher === undefined || options.buffered() > options.low) return
    stop()
    options.drained()
  }

  const watch = Effect.gen(function* () {
    for (;;) {
      yield* Effect.sleep("10 millis")
      check()
    }
  })

  return {
    check,
    stop,
    written: () => {
      if (watcher === undefined && options.buffered() >= options.high) watcher = options.run(watch)
    }
  }
}
