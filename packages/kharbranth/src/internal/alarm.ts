/**
 * One timer that can be moved: a fiber sleeps on the Clock only while a time is
 * set, so an idle connection costs one sleeping fiber, not one per concern.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** Runs an effect in the owner's supervised set of fibers. */
export type Fork = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

export class Alarm {
  private fiber: Fiber.Fiber<void> | undefined
  private due = Infinity
  private readonly fork: Fork
  private readonly now: () => number
  private readonly fire: () => void

  constructor(fork: Fork, now: () => number, fire: () => void) {
    this.fork = fork
    this.now = now
    this.fire = fire
  }

  /** Fires at this time, whatever it was set to before. */
  set(time: number): void {
    if (time === this.due) return
    this.clear()
    if (time === Infinity) return
    this.due = time
    this.fiber = this.fork(
      Effect.andThen(
        Effect.sleep(Duration.millis(Math.max(0, time - this.now()))),
        Effect.sync(() => {
          this.due = Infinity
          this.fiber = undefined
          this.fire()
        })
      )
    )
    // A sleep of nothing may have finished within the fork.
    if (this.due === Infinity) this.fiber = undefined
  }

  clear(): void {
    const fiber = this.fiber
    this.fiber = undefined
    this.due = Infinity
    fiber?.interruptUnsafe()
  }
}
