/**
 * The write half of a `Watch`: a value and those that wait for a newer one. A
 * slow observer sees the latest value, never a backlog.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Watch } from "kharbranth/Watch"
import { Waiting } from "./waiting.ts"

export class Cell<A> implements Watch<A> {
  private value: A
  private version = 0
  private over = false
  private readonly waiting = new Waiting()

  constructor(value: A) {
    this.value = value
  }

  readonly get: Effect.Effect<A> = Effect.sync(() => this.value)

  readonly changes: Stream.Stream<A> = Stream.fromPull(
    Effect.sync(() => {
      let seen = -1
      return this.waiting.until((): Effect.Effect<readonly [A], Cause.Done> | undefined => {
        if (seen !== this.version) {
          seen = this.version
          return Effect.succeed([this.value] as const)
        }
        return this.over ? Cause.done() : undefined
      })
    })
  )

  getUnsafe(): A {
    return this.value
  }

  /** Also for a value that is the same object and has changed inside. */
  set(value: A): void {
    this.value = value
    this.version++
    this.waiting.wake()
  }

  /** No change follows; observers see the last value, then the end. */
  end(): void {
    this.over = true
    this.waiting.wake()
  }

  /** Waits until `holds`. */
  until(holds: (value: A) => boolean): Effect.Effect<void> {
    return this.waiting.until(() => (holds(this.value) ? Effect.void : undefined))
  }
}
