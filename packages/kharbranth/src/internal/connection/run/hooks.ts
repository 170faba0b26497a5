/** Runs hooks one after another in a fiber of their own, beside the frames; the newest are skipped when too many wait. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

const waitingAtMost = 1024

interface Owner {
  fork(effect: Effect.Effect<void>): Fiber.Fiber<void>
  hookFailed(hook: string): void
  hookSkipped(hook: string, skipped: number): void
}

export class HookQueue {
  private readonly owner: Owner
  private waiting: Array<readonly [string, Effect.Effect<unknown, unknown>]> = []
  private running = false
  private skipped = 0

  constructor(owner: Owner) {
    this.owner = owner
  }

  add(name: string, hook: Effect.Effect<unknown, unknown>): void {
    if (this.waiting.length >= waitingAtMost) return this.owner.hookSkipped(name, ++this.skipped)
    this.waiting.push([name, hook])
    if (this.running) return
    this.running = true
    this.owner.fork(this.drain)
  }

  private readonly drain: Effect.Effect<void> = Effect.suspend(() => {
    const next = this.waiting.shift()
    if (next === undefined) {
      this.running = false
      return Effect.void
    }
    const [name, hook] = next
    return Effect.andThen(
      Effect.catchCause(hook, () => Effect.sync(() => this.owner.hookFailed(name))),
      this.drain
    )
  })
}
