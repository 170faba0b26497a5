/**
 * Where fibers wait until something changes. A wait looks before it parks, and
 * again in the microtask after each wake, so that a waiter never runs inside the
 * callback that changed something, and once however much a turn changes.
 */
import * as Effect from "effect/Effect"

const settled = Promise.resolve()

export class Waiting {
  private readonly waiters = new Set<() => void>()
  private scheduled = false

  /** Completes with what `look` returns, as soon as that is not `undefined`. */
  until<A, E>(look: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.suspend(() => look() ?? Effect.callback<A, E>((resume) => this.park(look, resume)))
  }

  /** Something has changed. */
  wake(): void {
    if (this.scheduled || this.waiters.size === 0) return
    this.scheduled = true
    void settled.then(() => this.look())
  }

  private park<A, E>(
    look: () => Effect.Effect<A, E> | undefined,
    resume: (found: Effect.Effect<A, E>) => void
  ): Effect.Effect<void> {
    const waiter = (): void => {
      const found = look()
      if (found === undefined) return
      this.waiters.delete(waiter)
      resume(found)
    }
    this.waiters.add(waiter)
    return Effect.sync(() => void this.waiters.delete(waiter))
  }

  private look(): void {
    this.scheduled = false
    // An earlier waiter may have stopped a later one.
    for (const waiter of [...this.waiters]) if (this.waiters.has(waiter)) waiter()
  }
}
