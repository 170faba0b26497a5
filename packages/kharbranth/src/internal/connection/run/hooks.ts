/** Runs hooks one after another in a fiber of their own, beside the frames. When too many wait, the newest are skipped. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { ConnectionEvent } from "../../../ConnectionEvent.ts"

const mostWaiting = 1024

interface Forks {
  fork(effect: Effect.Effect<void>): Fiber.Fiber<void>
}

interface Emits {
  emit(event: () => ConnectionEvent): void
}

export class HookQueue {
  private readonly fibers: Forks
  private readonly reports: Emits
  /** Each runs a hook for all that came together: one thing, or a turn's messages. */
  private waiting: Array<{ readonly count: number; readonly run: Effect.Effect<void> }> = []
  private count = 0
  private running = false
  private skipped = 0

  constructor(fibers: Forks, reports: Emits) {
    this.fibers = fibers
    this.reports = reports
  }

  /** Runs a hook for each of these. */
  addAll<A>(
    epoch: number,
    hook: string,
    all: ReadonlyArray<A>,
    each: (one: A) => Effect.Effect<unknown, unknown>
  ): void {
    const room = mostWaiting - this.count
    if (all.length > room) {
      const skipped = (this.skipped += all.length - room)
      this.reports.emit(() => ({ _tag: "HookSkipped", epoch, hook, skipped }))
    }
    const taken = all.length > room ? all.slice(0, room) : all
    if (taken.length === 0) return
    const failed = Effect.sync(() => this.reports.emit(() => ({ _tag: "HookFailed", epoch, hook })))
    const one = (item: A) =>
      Effect.catchCause(
        Effect.suspend(() => each(item)),
        () => failed
      )
    this.waiting.push({ count: taken.length, run: Effect.forEach(taken, one, { discard: true }) })
    this.count += taken.length
    if (this.running) return
    this.running = true
    this.fibers.fork(this.drain)
  }

  private readonly drain: Effect.Effect<void> = Effect.suspend(() => {
    const next = this.waiting.shift()
    if (next === undefined) {
      this.running = false
      return Effect.void
    }
    this.count -= next.count
    return Effect.andThen(next.run, this.drain)
  })
}
