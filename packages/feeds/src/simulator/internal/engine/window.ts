/** A strict rolling window: so many events in any stretch of this length. */
export class Window {
  private readonly times: Array<number> = []
  readonly limit: number
  readonly length: number

  constructor(limit: number, length: number) {
    this.limit = limit
    this.length = length
  }

  /** Takes an event, with a weight; whether it is within the limit. */
  take(now: number, weight = 1): boolean {
    this.forget(now)
    for (let n = 0; n < weight; n++) this.times.push(now)
    return this.times.length <= this.limit
  }

  /** How long until there is room again. */
  wait(now: number): number {
    const index = this.times.length - this.limit
    const time = index < 0 ? undefined : this.times[index]
    return time === undefined ? 0 : Math.max(0, time + this.length - now)
  }

  private forget(now: number): void {
    let old = 0
    while (old < this.times.length && (this.times[old] ?? 0) <= now - this.length) old++
    if (old > 0) this.times.splice(0, old)
  }
}
