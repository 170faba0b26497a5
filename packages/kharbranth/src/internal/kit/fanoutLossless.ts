/** A fan-out that loses nothing: its writer waits for the slowest observer. */
import * as Effect from "effect/Effect"
import { Fanout } from "./fanout.ts"

export class Lossless<A, E = never> extends Fanout<A, E> {
  private room: (() => void) | undefined

  /** Waits until every observer has room. */
  readonly ready: Effect.Effect<void> = Effect.suspend(() =>
    this.full()
      ? Effect.callback<void>((resume) => {
          this.room = () => resume(this.ready)
          return Effect.sync(() => {
            this.room = undefined
          })
        })
      : Effect.void
  )

  protected override bound(): void {}

  protected override taken(): void {
    const { room } = this
    if (room === undefined || this.full()) return
    this.room = undefined
    queueMicrotask(room)
  }

  private full(): boolean {
    for (const { capacity, items } of this.observers) if (items.length >= capacity) return true
    return false
  }
}
