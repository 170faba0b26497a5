/**
 * Where fibers wait until something changes. A wait looks before it parks, and
 * again some time after each wake, so that a waiter never runs inside the callback
 * that changed something, and once however much changes until then.
 */
import * as Effect from "effect/Effect"
import { soon } from "./turn.ts"

export class Waiting {
  /** Most have one waiter or none: the set is made for the second. */
  private sole: (() => void) | undefined
  private others: Set<() => void> | undefined
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
    if (this.scheduled || this.isEmpty) return
    this.scheduled = true
    this.defer(this.look)
  }

  /** Something has changed that cannot wait as long as `defer` does. */
  wakeSoon(): void {
    if (!this.isEmpty) soon(this.look)
  }

  /** Whether nobody waits. */
  get isEmpty(): boolean {
    return this.sole === undefined && this.others === undefined
  }

  private park<A, E>(
    look: () => Effect.Effect<A, E> | undefined,
    resume: (found: Effect.Effect<A, E>) => void
  ): Effect.Effect<void> {
    const waiter = (): void => {
      const found = look()
      if (found === undefined) return
      this.leave(waiter)
      resume(found)
    }
    if (this.isEmpty) this.sole = waiter
    else (this.others ??= new Set()).add(waiter)
    return Effect.sync(() => this.leave(waiter))
  }

  private leave(waiter: () => void): void {
    const { others } = this
    if (this.sole === waiter) this.sole = undefined
    else if (others?.delete(waiter) === true && others.size === 0) this.others = undefined
  }

  private readonly look = (): void => {
    this.scheduled = false
    const { others, sole } = this
    sole?.()
    if (others === undefined) return
    // An earlier waiter may have stopped a later one.
    for (const waiter of [...others]) if (others.has(waiter)) waiter()
  }
}
