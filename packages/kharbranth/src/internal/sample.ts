/** Notices when a counter has not moved for a while, by looking ten times in that while. */
export class Sample {
  private readonly limit: number
  private value: number
  /** When it was last seen to have moved. */
  since: number
  nextLook: number

  /** `limit` in milliseconds, `Infinity` for none. */
  constructor(limit: number, now: number, value: number) {
    this.limit = limit
    this.value = value
    this.since = now
    this.nextLook = now + limit / 10
  }

  moved(value: number): boolean {
    return value !== this.value
  }

  look(now: number, value: number): void {
    if (!this.moved(value)) return
    this.value = value
    this.since = now
  }

  silent(now: number, value: number): boolean {
    this.look(now, value)
    this.nextLook = now + this.limit / 10
    return now - this.since >= this.limit
  }

  restart(now: number): void {
    this.since = now
  }
}
