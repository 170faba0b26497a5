/** The counters behind a connection's metrics, and the hooks that run beside its frames. */
import * as Effect from "effect/Effect"
import type { DropReason } from "../ConnectionEvent.ts"
import type { Fork } from "./alarm.ts"

const kept = 128

export class Figures {
  messagesIn = 0
  bytesIn = 0
  messagesOut = 0
  bytesOut = 0
  dials = 0
  ready = 0
  errors = 0
  readonly dropped: Record<string, number> = {}
  private rtts: Array<number> = []
  private next = 0

  drop(reason: DropReason, count: number): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + count
  }

  rtt(millis: number): void {
    this.rtts[this.next] = millis
    this.next = (this.next + 1) % kept
  }

  rttSummary() {
    if (this.rtts.length === 0) return undefined
    const sorted = this.rtts.toSorted((a, b) => a - b)
    const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
    const last = this.rtts[(this.next + this.rtts.length - 1) % this.rtts.length] ?? 0
    const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
    return { last, mean, p50: at(0.5), p99: at(0.99) }
  }
}

const waitingAtMost = 1024

/** Runs hooks one after another in a fiber of their own; the newest are dropped when too many wait. */
export class HookQueue {
  private readonly fork: Fork
  private readonly failed: (hook: string) => void
  private readonly lost: () => void
  private waiting: Array<readonly [string, Effect.Effect<unknown, unknown>]> = []
  private running = false

  constructor(fork: Fork, failed: (hook: string) => void, lost: () => void) {
    this.fork = fork
    this.failed = failed
    this.lost = lost
  }

  add(name: string, hook: () => Effect.Effect<unknown, unknown>): void {
    if (this.waiting.length >= waitingAtMost) return this.lost()
    this.waiting.push([name, Effect.suspend(hook)])
    if (this.running) return
    this.running = true
    this.fork(this.drain)
  }

  private readonly drain: Effect.Effect<void> = Effect.suspend(() => {
    const next = this.waiting.shift()
    if (next === undefined) {
      this.running = false
      return Effect.void
    }
    const [name, hook] = next
    return Effect.andThen(
      Effect.catchCause(hook, () => Effect.sync(() => this.failed(name))),
      this.drain
    )
  })
}
