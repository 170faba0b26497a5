/**
 * The write half of a `Watch`: a value, a version and those that wait for a
 * newer one. A change that nobody waits for costs a counter.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Watch } from "../../Watch.ts"
import { Waiting } from "./waiting.ts"

export class Cell<A> implements Watch<A> {
  private value: A
  private version = 0
  private over = false
  /** Made for the first that waits: most values are never waited for. */
  private waiting: Waiting | undefined

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
    this.assign(value)
    this.announce()
  }

  /** The first half of `set`: a caller that asks gets the value, and those that wait are not woken yet. */
  assign(value: A): void {
    this.value = value
    this.version++
  }

  announce(): void {
    this.waiting?.wake()
  }

  /** No change follows; observers see the last value, then the end. */
  end(): void {
    this.over = true
    this.waiting?.wake()
  }

  /** Waits until `pick` gives something for the value; `undefined` keeps waiting, as does nothing after the end. */
  until<B, E>(pick: (value: A) => Effect.Effect<B, E> | undefined): Effect.Effect<B, E> {
    return this.waiters.until(() => pick(this.value))
  }

  /** Passes on once what `pick` gives for a later value; returns how to stop. One wait over all changes until then. */
  watch<B>(pick: (value: A) => B | undefined, found: (picked: B) => void): () => void {
    return this.waiters.watch(() => pick(this.value), found)
  }

  /** Passes on the value now, and each that follows for as long as it lives: the latest, in a turn of its own. */
  observe(see: (value: A) => void): void {
    this.waiters.first(() => see(this.value))
    see(this.value)
  }

  private get waiters(): Waiting {
    return (this.waiting ??= new Waiting())
  }

  private puller() {
    let seen = -1
    const pull: Effect.Effect<readonly [A], Cause.Done> = this.waiters.until(() => {
      if (seen !== this.version) {
        seen = this.version
        return Effect.succeed([this.value] as const)
      }
      return this.over ? Cause.done() : undefined
    })
    return pull
  }
}
