/**
 * Where fibers wait until something changes. A wait looks before it parks, and
 * again some time after each wake, so that a waiter never runs inside the callback
 * that changed something, and once however much changes until then.
 */
import * as Effect from "effect/Effect"
import { soon } from "./turn.ts"

export class Waiting {
  private readonly waiters = new Set<() => void>()
  private readonly defer: (run: () => void) => void
  private scheduled = false

  /** `defer` says when waiters look again. Default: in the next microtask. */
  constructor(defer: (run: () => void) => void = soon) {
    this.defer = defer
  }

  /** Completes with what `look` returns, as soon as that is not `undefined`. */
  until<A, E>(look: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.suspend(() => look() ?? Effect.callback<A, E>((resume) => this.park(look, resume)))
  }

  /** Something has changed. */
  wake(): void {
    if (this.scheduled || this.waiters.size === 0) return
    this.scheduled = true
    this.defer(this.look)
  }

  /** Something has changed that cannot wait as long as `defer` does. */
  wakeSoon(): void {
    if (this.waiters.size > 0) soon(this.look)
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

  private readonly look = (): void => {
    this.scheduled = false
    // An earlier waiter may have stopped a later one.
    for (const waiter of [...this.waiters]) if (this.waiters.has(waiter)) waiter()
  }
}
