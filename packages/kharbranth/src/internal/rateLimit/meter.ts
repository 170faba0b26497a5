/**
 * The meter behind a rate limit: a strict rolling window and a minimum gap, kept
 * as a ring of the last `limit` write times. Asking changes nothing. Times are
 * monotonic milliseconds.
 */
import { type Limits, listOf } from "./limits.ts"

/** Data leaves the reserve alone; probes may use it. */
export type Kind = "data" | "probe"

export interface Meter {
  /** How many messages may be written right now. */
  free(now: number, kind: Kind): number
  /** The earliest time at which one may be written; `now` if right now. */
  nextAt(now: number, kind: Kind): number
  /** Counts messages that were written. */
  record(now: number, count: number): void
  /** A pong was written, which no limit can hold back. Counts it where pongs count. */
  pong(now: number): void
}

export interface Rule {
  /** `Infinity` for no window. */
  readonly limit: number
  readonly window: number
  readonly minGap: number
  readonly reserve: number
  readonly pongs: boolean
}

const unlimited: Meter = {
  free: () => Infinity,
  nextAt: (now) => now,
  record: () => {},
  pong: () => {}
}

class WindowMeter implements Meter {
  private readonly rule: Rule
  private readonly ring: Array<number> = []
  /** Where the oldest of `kept` stamps is. */
  private head = 0
  private kept = 0
  private last = -Infinity

  constructor(rule: Rule) {
    this.rule = rule
  }

  free(now: number, kind: Kind): number {
    if (now < this.last + this.rule.minGap) return 0
    const room = Math.max(0, this.room(kind) - (this.kept - this.expired(now)))
    return this.rule.minGap > 0 ? Math.min(1, room) : room
  }

  nextAt(now: number, kind: Kind): number {
    // With all but this many of the kept stamps gone there is room for one.
    const mustGo = this.kept - this.room(kind) + 1
    const windowEnds = mustGo > 0 ? this.stamp(mustGo - 1) + this.rule.window : -Infinity
    return Math.max(now, this.last + this.rule.minGap, windowEnds)
  }

  record(now: number, count: number): void {
    if (count <= 0) return
    // A clock that steps back would leave the ring unsorted.
    this.last = Math.max(this.last, now)
    if (this.rule.limit === Infinity) return
    for (let left = Math.min(count, this.rule.limit); left > 0; left--) this.push(this.last)
  }

  pong(now: number): void {
    if (this.rule.pongs) this.record(now, 1)
  }

  private room(kind: Kind): number {
    return kind === "data" ? this.rule.limit - this.rule.reserve : this.rule.limit
  }

  private stamp(index: number): number {
    return this.ring[(this.head + index) % this.rule.limit] ?? -Infinity
  }

  // Nothing older than the last `limit` writes can fill a window, so a full
  // ring forgets its oldest stamp, expired or not.
  private push(at: number): void {
    const { limit } = this.rule
    this.ring[(this.head + this.kept) % limit] = at
    if (this.kept < limit) this.kept++
    else this.head = (this.head + 1) % limit
  }

  // How many of the kept stamps have left the window. A search instead of
  // dropping them, so that asking changes nothing. The sum is that of
  // `nextAt`: rounding must not make the two disagree.
  private expired(now: number): number {
    let low = 0
    let high = this.kept
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.stamp(middle) + this.rule.window <= now) low = middle + 1
      else high = middle
    }
    return low
  }
}

export const make = (rule: Rule): Meter => new WindowMeter(rule)

/** Several limits at once: free when all are. */
const combine = (meters: ReadonlyArray<Meter>): Meter => {
  const [only] = meters
  if (only === undefined) return unlimited
  if (meters.length === 1) return only
  return {
    free: (now, kind) => meters.reduce((least, meter) => Math.min(least, meter.free(now, kind)), Infinity),
    nextAt: (now, kind) => meters.reduce((latest, meter) => Math.max(latest, meter.nextAt(now, kind)), now),
    record: (now, count) => {
      for (const meter of meters) meter.record(now, count)
    },
    pong: (now) => {
      for (const meter of meters) meter.pong(now)
    }
  }
}

/** One meter for all of these limits. */
export const meter = (limits: Limits): Meter => combine(listOf(limits).map((limit) => limit.meter()))

/** The meters of one connection, one for each session. Only limits of scope `"session"` start a new count. */
export const meters = (limits: Limits): (() => Meter) => {
  const makers = listOf(limits).map((limit) => {
    if (limit.scope === "session") return () => limit.meter()
    const lasting = limit.meter()
    return () => lasting
  })
  return () => combine(makers.map((make) => make()))
}
