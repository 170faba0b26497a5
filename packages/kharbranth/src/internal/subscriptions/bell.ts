/**
 * Rings once a turn, however much has changed in it, for whoever waits until
 * something holds.
 */
import * as Effect from "effect/Effect"

export class Bell {
  private readonly first: () => void
  private readonly waiters = new Set<() => boolean>()
  private ringing = false
  private silent = false

  /** `first` runs before the waiters look. */
  constructor(first: () => void) {
    this.first = first
  }

  ring(): void {
    if (this.ringing || this.silent) return
    this.ringing = true
    queueMicrotask(() => {
      this.ringing = false
      if (this.silent) return
      this.first()
      for (const waiter of this.waiters) {
        if (waiter()) this.waiters.delete(waiter)
      }
    })
  }

  /** Never rings again. */
  silence(): void {
    this.silent = true
  }

  /** Waits until something holds that only a change can bring about. */
  until(holds: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (holds()) return resume(Effect.void)
      const waiter = () => {
        if (!holds()) return false
        resume(Effect.void)
        return true
      }
      this.waiters.add(waiter)
      return Effect.sync(() => {
        this.waiters.delete(waiter)
      })
    })
  }
}
