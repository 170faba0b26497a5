/**
 * What one key of the dial budget allows: rolling windows, a number of dials under
 * way, and a circuit breaker. Pure: time comes in as monotonic milliseconds.
 */
import type { DialWaiting } from "../../ConnectionEvent.ts"
import type { Verdict } from "../../DialBudget.ts"

export interface Window {
  readonly limit: number
  readonly millis: number
}

export interface Rules {
  readonly windows: ReadonlyArray<Window>
  /** The least time between two dials, in milliseconds. */
  readonly minGap: number
  readonly concurrent: number
  /** How many dials in a row must fail to open the breaker. `Infinity` never does. */
  readonly failures: number
  /** How long it stays open, at first and at most. */
  readonly cooldown: number
  readonly maxCooldown: number
  /** The first gap between waiters that are released. */
  readonly stagger: number
  /** How long a server that says "not now" without a time is left alone. */
  readonly busy: number
  /** The longest that a server's own time is honoured. */
  readonly maxBusy: number
}

/** `Recovering`: the probe has succeeded, and the dials that waited follow one by one. */
export type Breaker = "Closed" | "Open" | "Probing" | "Recovering"

// Each dial that goes shortens the gap to the next; under a millisecond there is no gap.
const shrink = 0.9

/**
 * A strict rolling window. The server counts a dial at some moment between its start
 * and its outcome. So a dial occupies the window from its start until the window's
 * length after its outcome.
 */
class Rolling {
  private readonly window: Window
  private stamps: Array<number> = []
  private head = 0

  constructor(window: Window) {
    this.window = window
  }

  /** When one more dial may start beside `inFlight` others; `Infinity` if one of those must end first. */
  admitAt(inFlight: number): number {
    const kept = this.stamps.length - this.head
    const mustGo = kept + inFlight - this.window.limit + 1
    if (mustGo <= 0) return -Infinity
    return mustGo > kept ? Infinity : this.stamps[this.head + mustGo - 1]! + this.window.millis
  }

  record(now: number): void {
    this.stamps.push(now)
    if (this.stamps.length - this.head > this.window.limit) this.head++
    if (this.head > 64 && this.head * 2 > this.stamps.length) {
      this.stamps = this.stamps.slice(this.head)
      this.head = 0
    }
  }

  isEmpty(now: number): boolean {
    const last = this.stamps.at(-1)
    return last === undefined || last + this.window.millis <= now
  }
}

export class Gate {
  readonly key: string
  inFlight = 0
  phase: Breaker = "Closed"
  /** When an open breaker lets its probe through. */
  until = 0
  private readonly rules: Rules
  private readonly windows: ReadonlyArray<Rolling>
  private failed = 0
  private cooldown: number
  private gap = 0
  /** The server itself said "not now", and that opened the breaker. */
  private wasTold = false
  private last = -Infinity

  constructor(key: string, rules: Rules) {
    this.key = key
    this.rules = rules
    this.windows = rules.windows.map((window) => new Rolling(window))
    this.cooldown = rules.cooldown
  }

  /** A recovery ends with the last of its releases, or once nobody has dialed for as long as the breaker was open at first. */
  rest(now: number): void {
    if (this.phase === "Recovering" && this.inFlight === 0 && now >= this.last + this.rules.cooldown) this.close()
  }

  /** The earliest time for one more dial; `Infinity` while it depends on the end of another. */
  admitAt(now: number): number {
    this.rest(now)
    if (this.phase === "Probing" || this.inFlight >= this.rules.concurrent) return Infinity
    const admitted = Math.max(now, this.spacedAt, this.windowAt)
    return this.phase === "Open" ? Math.max(admitted, this.until) : admitted
  }

  /** What makes the next dial wait the longest. */
  reasonToWait(now: number): DialWaiting["reason"] {
    const waits = this.phase === "Open" && this.until > now
    if (this.phase === "Probing" || this.phase === "Recovering" || waits) {
      return this.wasTold ? "retryAfter" : "breaker"
    }
    if (this.inFlight >= this.rules.concurrent) return "concurrent"
    return this.windowAt > Math.max(now, this.spacedAt) ? "window" : "minGap"
  }

  private get spacedAt(): number {
    return Math.max(this.last + this.rules.minGap, this.phase === "Recovering" ? this.last + this.gap : -Infinity)
  }

  private get windowAt(): number {
    return this.windows.reduce((at, window) => Math.max(at, window.admitAt(this.inFlight)), -Infinity)
  }

  /** Starts a dial; `true` when it is the breaker's probe. */
  grant(now: number): boolean {
    this.inFlight++
    this.last = now
    if (this.phase === "Open") {
      this.phase = "Probing"
      return true
    }
    if (this.phase === "Recovering") this.shrinkGap()
    return false
  }

  settle(now: number, verdict: Verdict, probe: boolean): void {
    this.inFlight--
    if (verdict._tag !== "Neutral" || verdict.counted) for (const window of this.windows) window.record(now)
    if (verdict._tag === "Busy") return this.hold(now, verdict.wait)
    if (probe && this.phase === "Probing") return this.probed(now, verdict)
    // A dial that began before the breaker opened: the probe will say it better.
    if (this.phase === "Open" || this.phase === "Probing") return
    if (verdict._tag === "Success") this.failed = 0
    if (verdict._tag === "Failure" && (++this.failed >= this.rules.failures || this.phase === "Recovering")) {
      this.open(now + this.cooldown)
    }
  }

  /** The server said "not now": no dial for as long as it said, then one probe. */
  hold(now: number, wait: number | undefined): void {
    const until = now + Math.min(wait ?? this.rules.busy, this.rules.maxBusy)
    this.open(this.phase === "Open" ? Math.max(until, this.until) : until)
    this.wasTold = true
  }

  /** Whether it remembers nothing, so that a new gate would do as well. */
  isIdle(now: number): boolean {
    this.rest(now)
    return (
      this.inFlight === 0 &&
      this.phase === "Closed" &&
      this.failed === 0 &&
      now >= this.last + this.rules.minGap &&
      this.windows.every((window) => window.isEmpty(now))
    )
  }

  private probed(now: number, verdict: Verdict): void {
    if (verdict._tag === "Neutral") return this.open(now)
    if (verdict._tag === "Success") return this.recover()
    this.cooldown = Math.min(this.cooldown * 2, this.rules.maxCooldown)
    this.open(now + this.cooldown)
  }

  private open(until: number): void {
    this.phase = "Open"
    this.until = until
    this.failed = 0
    this.wasTold = false
  }

  private recover(): void {
    this.phase = "Recovering"
    this.failed = 0
    this.gap = this.rules.stagger
    if (this.gap < 1) this.close()
  }

  private shrinkGap(): void {
    this.gap *= shrink
    if (this.gap < 1) this.close()
  }

  private close(): void {
    this.phase = "Closed"
    this.cooldown = this.rules.cooldown
  }
}
