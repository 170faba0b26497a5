/**
 * The write half of a `Watch`: a value, a version and the observers that wait
 * for a newer one. A change costs a counter when nobody looks.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Watch } from "../../Watch.ts"
import { soon } from "./microtask.ts"

const none: ReadonlyArray<never> = []

export class Cell<A> implements Watch<A> {
  private value: A
  private version = 0
  private over = false
  private scheduled = false
  /** Usually there is one at a time, or none. */
  private sole: (() => void) | undefined
  private waiters: Set<() => void> | undefined
  private followers: ReadonlyArray<(value: A) => void> = none

  constructor(value: A) {
    this.value = value
  }

  get get(): Effect.Effect<A> {
    return Effect.sync(() => this.value)
  }

  get changes(): Stream.Stream<A> {
    return Stream.fromPull(Effect.sync(() => this.puller()))
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
    return Effect.suspend(
      () => pick(this.value) ?? Effect.callback<B, E>((resume) => Effect.sync(this.watch(pick, resume)))
    )
  }

  /** Tells once what `pick` gives for a later value; returns how to stop. One wait over all changes until then. */
  watch<B>(pick: (value: A) => B | undefined, tell: (picked: B) => void): () => void {
    const waiter = () => {
      const picked = pick(this.value)
      if (picked === undefined) return
      this.leave(waiter)
      tell(picked)
    }
    this.join(waiter)
    return () => this.leave(waiter)
  }

  /** Tells the value now, and each that follows for as long as it lives: the latest, in a turn of its own. */
  observe(tell: (value: A) => void): void {
    this.followers = [...this.followers, tell]
    tell(this.value)
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
    return Effect.suspend(() =>
      this.version !== seen || this.over
        ? Effect.void
        : Effect.callback<void>((resume) => Effect.sync(this.watch(() => Effect.void, resume)))
    )
  }

  private join(waiter: () => void): void {
    if (this.sole === undefined && this.waiters === undefined) this.sole = waiter
    else (this.waiters ??= new Set()).add(waiter)
  }

  private leave(waiter: () => void): void {
    const { waiters } = this
    if (this.sole === waiter) this.sole = undefined
    else if (waiters?.delete(waiter) === true && waiters.size === 0) this.waiters = undefined
  }

  // Observers run in a turn of their own, never inside whatever changed the value.
  private wake(): void {
    const isAlone = this.sole === undefined && this.waiters === undefined && this.followers === none
    if (isAlone || this.scheduled) return
    this.scheduled = true
    soon(() => {
      this.scheduled = false
      const { sole, waiters } = this
      for (const tell of this.followers) tell(this.value)
      // As with the others: one that has left meanwhile waits no more.
      if (this.sole === sole) sole?.()
      for (const waiter of [...(waiters ?? none)]) if (waiters?.has(waiter) === true) waiter()
    })
  }
}
