/**
 * Where fibers wait until something changes: the one way to park them. A wait
 * looks before it parks, and looks again after each wake. A wake takes effect
 * in the next microtask, once however many changes a turn brings, so a waiter
 * never runs inside the callback that changed something.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { nextMicrotask } from "./microtask.ts"

/** How what was pulled from is over: without an error, or with one. */
export interface Ending<E> {
  readonly error: E | undefined
}

/** What a stream pulls its next array with. */
export type Pull<A, E = never> = Effect.Effect<Arr.NonEmptyReadonlyArray<A>, E | Cause.Done>

export class Waiting {
  /** Most have one waiter or none: the set is made for the second. */
  private sole: (() => void) | undefined
  private others: Set<() => void> | undefined
  private before: (() => void) | undefined
  private scheduled = false

  /** Completes with what `look` returns, as soon as that is not `undefined`. */
  until<A, E>(look: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.suspend(() => look() ?? Effect.callback<A, E>((resume) => Effect.sync(this.watch(look, resume))))
  }

  /** Takes what there is, as soon as there is anything; then ends, or fails with the end's error. */
  pull<A, E>(take: () => Array<A>, ending: () => Ending<E> | undefined): Pull<A, E> {
    return this.until((): Pull<A, E> | undefined => {
      const batch = take()
      if (Arr.isArrayNonEmpty(batch)) return Effect.succeed(batch)
      const end = ending()
      if (end === undefined) return undefined
      return end.error === undefined ? Cause.done() : Effect.fail(end.error)
    })
  }

  /** Passes on what `look` returns after a later wake, once it is not `undefined`; returns how to stop. */
  watch<B>(look: () => B | undefined, found: (value: B) => void): () => void {
    const waiter = () => {
      const value = look()
      if (value === undefined) return
      this.leave(waiter)
      found(value)
    }
    this.join(waiter)
    return () => this.leave(waiter)
  }

  /** Runs in every wake from now on, before the waiters look. */
  first(run: () => void): void {
    const { before } = this
    this.before =
      before === undefined
        ? run
        : () => {
            before()
            run()
          }
  }

  /** Something has changed. */
  wake(): void {
    const isAlone = this.sole === undefined && this.others === undefined && this.before === undefined
    if (isAlone || this.scheduled) return
    this.scheduled = true
    nextMicrotask(() => this.look())
  }

  private look(): void {
    this.scheduled = false
    this.before?.()
    const { others, sole } = this
    sole?.()
    if (others === undefined) return
    // An earlier waiter may have stopped a later one.
    for (const waiter of [...others]) if (others.has(waiter)) waiter()
  }

  private join(waiter: () => void): void {
    if (this.sole === undefined && this.others === undefined) this.sole = waiter
    else (this.others ??= new Set()).add(waiter)
  }

  private leave(waiter: () => void): void {
    const { others } = this
    if (this.sole === waiter) this.sole = undefined
    else if (others?.delete(waiter) === true && others.size === 0) this.others = undefined
  }
}
