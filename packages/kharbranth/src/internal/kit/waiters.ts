/** Callbacks that wait for something that happens once. */
import * as Effect from "effect/Effect"

export class Waiters<A> {
  private waiting: Array<(value: A) => void> = []

  tell(value: A): void {
    const { waiting } = this
    this.waiting = []
    for (const wake of waiting) wake(value)
  }

  /** Waits, and goes on as `after` says. */
  wait<B, E>(after: (value: A) => Effect.Effect<B, E>): Effect.Effect<B, E> {
    return Effect.callback<B, E>((resume) => {
      const wake = (value: A) => resume(after(value))
      this.waiting.push(wake)
      return Effect.sync(() => {
        this.waiting = this.waiting.filter((other) => other !== wake)
      })
    })
  }
}
