/** Figures over time: the last samples of something, and how long outages took. */
import { now } from "./time.ts"

export const percentile = (values: ReadonlyArray<number>, share: number): number | undefined =>
  values.toSorted((left, right) => left - right)[Math.min(values.length - 1, Math.floor(values.length * share))]

/** The last so many samples. */
export class Samples {
  private readonly values: Array<number> = []
  private readonly capacity: number
  private next = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  add(value: number): void {
    this.values[this.next] = value
    this.next = (this.next + 1) % this.capacity
  }

  at(share: number): number | undefined {
    return percentile(this.values, share)
  }
}

/** How long each book was not right, once it had been. */
export class Recoveries {
  readonly millis: Array<number> = []
  private readonly since = new Map<string, number>()
  private readonly ever = new Set<string>()

  see(name: string, isSynced: boolean): void {
    const since = this.since.get(name)
    if (isSynced) {
      this.ever.add(name)
      this.since.delete(name)
      if (since !== undefined) this.millis.push(now() - since)
    } else if (since === undefined && this.ever.has(name)) this.since.set(name, now())
  }
}
