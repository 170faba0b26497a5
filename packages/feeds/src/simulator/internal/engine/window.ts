/** A strict rolling window: so much weight in any stretch of this length. */
export class Window {
  readonly limit: number
  readonly length: number
  private readonly events: Array<{ readonly at: number; readonly weight: number }> = []
  private sum = 0

  constructor(limit: number, length: number) {
    this.limit = limit
    this.length = length
  }

  /** Takes an event; whether it is within the limit. */
  take(now: number, weight = 1): boolean {
    this.forget(now)
    this.events.push({ at: now, weight })
    this.sum += weight
    return this.sum <= this.limit
  }

  /** How long until the window is within the limit again. */
  wait(now: number): number {
    let rest = this.sum
    for (const { at, weight } of this.events) {
      if (rest <= this.limit) return 0
      rest -= weight
      if (rest <= this.limit) return Math.max(0, at + this.length - now)
    }
    return 0
  }

  private forget(now: number): void {
    let old = 0
    for (const { at, weight } of this.events) {
      if (at > now - this.length) break
      this.sum -= weight
      old++
    }
    if (old > 0) this.events.splice(0, old)
  }
}
