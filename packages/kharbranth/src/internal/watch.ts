/**
 * The write half of a `Watch`: a value, a version and the observers that wait
 * for a newer one. A change costs a counter when nobody looks.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Watch } from "../Watch.ts"

export class Cell<A> implements Watch<A> {
  private value: A
  private version = 0
  private over = false
  private scheduled = false
  private waiters = new Set<() => void>()
  readonly get: Effect.Effect<A>
  readonly changes: Stream.Stream<A>

  constructor(value: A) {
    this.value = value
    this.get = Effect.sync(() => this.value)
    this.changes = Stream.fromPull(Effect.sync(() => this.puller()))
  }

  getUnsafe(): A {
    return this.value
  }

  set(value: A): void {
    this.value = value
    this.version++
    this.wake()
  }

  /** No change follows; observers see the last value, then the end. */
  end(): void {
    this.over = true
    this.wake()
  }

  /** Waits until `pick` gives something for the value; `undefined` keeps waiting, as does nothing after the end. */
  until<B, E>(pick: (value: A) => Effect.Effect<B, E> | undefined): Effect.Effect<B, E> {
    return Effect.suspend(() => pick(this.value) ?? Effect.andThen(this.next(this.version), this.until(pick)))
  }

  private puller() {
    let seen = -1
    const pull: Effect.Effect<readonly [A], Cause.Done> = Effect.suspend(() => {
      if (seen !== this.version) {
        seen = this.version
        return Effect.succeed([this.value] as const)
      }
      return this.over ? Cause.done() : Effect.andThen(this.next(seen), pull)
    })
    return pull
  }

  private next(seen: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.version !== seen || this.over) return resume(Effect.void)
      const waiter = () => resume(Effect.void)
      this.waiters.add(waiter)
      return Effect.sync(() => {
        this.waiters.delete(waiter)
      })
    })
  }

  // Observers run in a turn of their own, never inside whatever changed the value.
  private wake(): void {
    if (this.waiters.size === 0 || this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      const waiting = this.waiters
      this.waiters = new Set()
      for (const waiter of waiting) waiter()
    })
  }
}
