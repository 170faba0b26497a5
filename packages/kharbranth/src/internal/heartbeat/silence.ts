/** Notices that a counter has not moved for as long as it may stand, by looking ten times in that while. */
import type * as Duration from "effect/Duration"
import { millis } from "../model/check.ts"

export class Silence {
  readonly limit: Duration.Duration
  nextLook: number
  /** How often in a row the limit has passed. */
  times = 0
  private since: number
  private value: number

  constructor(limit: Duration.Duration, now: number, value: number) {
    this.limit = limit
    this.value = value
    this.since = now
    this.nextLook = now + millis(limit) / 10
  }

  /** Whether the limit has passed; it then begins anew. */
  passed(now: number, value: number): boolean {
    const limit = millis(this.limit)
    this.nextLook = now + limit / 10
    if (value !== this.value) {
      this.value = value
      this.since = now
      this.times = 0
    }
    if (now - this.since < limit) return false
    this.since = now
    this.times++
    return true
  }
}
