/**
 * The right to use a bucket, until a moment of this process's own clocks. The
 * moment is counted from before the store was asked, so it comes before the
 * store's own. A right that is over never comes back: the bucket is claimed again.
 */
import type * as Clock from "effect/Clock"
import type { Lease } from "../../Lease.ts"

/** A moment of both clocks. */
export interface Instant {
  readonly monotonic: bigint
  readonly wall: number
}

export const instantOf = (clock: Clock.Clock): Instant => ({
  monotonic: clock.monotonicTimeNanosUnsafe(),
  wall: clock.currentTimeMillisUnsafe()
})

export class Right {
  readonly lease: Lease
  private readonly clock: Clock.Clock
  private monotonicEnd = 0n
  // Monotonic clocks of some platforms stand still while the machine sleeps, the wall goes on.
  private wallEnd = 0
  private revoked = false
  private readonly cuts = new Set<() => void>()

  /** Lasts for `millis` from the instant before it was asked for. */
  constructor(lease: Lease, clock: Clock.Clock, asked: Instant, millis: number) {
    this.lease = lease
    this.clock = clock
    this.set(asked, millis)
  }

  isLive(): boolean {
    return (
      !this.revoked &&
      this.clock.monotonicTimeNanosUnsafe() < this.monotonicEnd &&
      this.clock.currentTimeMillisUnsafe() < this.wallEnd
    )
  }

  /** Whether everything that hung on it was cut. One that is over by the clock alone may still have open sockets. */
  isCut(): boolean {
    return this.revoked
  }

  /** How many milliseconds are left; 0 or less when it is over. */
  left(): number {
    if (this.revoked) return 0
    const monotonic = Number(this.monotonicEnd - this.clock.monotonicTimeNanosUnsafe()) / 1e6
    return Math.min(monotonic, this.wallEnd - this.clock.currentTimeMillisUnsafe())
  }

  /** Goes on after a renewal; `false` when it was over before the answer came. */
  extend(asked: Instant, millis: number): boolean {
    if (!this.isLive()) return false
    this.set(asked, millis)
    return true
  }

  /** Ends it now, and everything that hangs on it. */
  revoke(): void {
    this.revoked = true
    const cuts = [...this.cuts]
    this.cuts.clear()
    for (const cut of cuts) cut()
  }

  /** Registers what is cut with it; returns how to forget that. */
  onEnd(cut: () => void): () => void {
    this.cuts.add(cut)
    return () => void this.cuts.delete(cut)
  }

  private set(asked: Instant, millis: number): void {
    this.monotonicEnd = asked.monotonic + BigInt(Math.floor(millis * 1e6))
    this.wallEnd = asked.wall + millis
  }
}
