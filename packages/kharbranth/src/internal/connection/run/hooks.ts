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

interface Waiting {
  readonly epoch: number
  readonly hook: string
  readonly run: Effect.Effect<unknown, unknown>
}

export class HookQueue {
  private readonly fibers: Forks
  private readonly reports: Emits
  private waiting: Array<Waiting> = []
  private running = false
  private skipped = 0

  constructor(fibers: Forks, reports: Emits) {
    this.fibers = fibers
    this.reports = reports
  }

  add(epoch: number, hook: string, run: Effect.Effect<unknown, unknown>): void {
    if (this.waiting.length >= mostWaiting) {
      const skipped = ++this.skipped
      return this.reports.emit(() => ({ _tag: "HookSkipped", epoch, hook, skipped }))
    }
    this.waiting.push({ epoch, hook, run })
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
    const { epoch, hook, run } = next
    const failed = Effect.sync(() => this.reports.emit(() => ({ _tag: "HookFailed", epoch, hook })))
    return Effect.andThen(
      Effect.catchCause(run, () => failed),
      this.drain
    )
  })
}
