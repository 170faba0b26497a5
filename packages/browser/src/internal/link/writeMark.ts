/**
 * The write watermark over a socket that only has `bufferedAmount`: no event
 * says that it fell, so it is asked every few milliseconds, but only while it
 * is over the high mark. In a hidden page timers are slow, so whoever handles
 * another event of the socket should call `check` as well.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export interface WriteMark {
  /** After a write: starts to watch when the high mark is reached. */
  readonly written: () => void
  /** Looks now, if it is watching. */
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
