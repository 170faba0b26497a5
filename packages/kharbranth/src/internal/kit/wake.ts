/** How a pull that found nothing waits: one waiter, woken in the next microtask. */
import * as Effect from "effect/Effect"

export class Wake {
  private resume: (() => void) | undefined
  /** Completes at once if there is something already. */
  readonly wait: Effect.Effect<void>

  constructor(isSomething: () => boolean) {
    this.wait = Effect.callback<void>((resume) => {
      if (isSomething()) return resume(Effect.void)
      this.resume = () => resume(Effect.void)
      return Effect.sync(() => {
        this.resume = undefined
      })
    })
  }

  signal(): void {
    const { resume } = this
    if (resume === undefined) return
    this.resume = undefined
    queueMicrotask(resume)
  }
}
