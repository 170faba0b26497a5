/**
 * Lets through only the first message with each key, no matter which line brought
 * it. It remembers a bounded number of keys.
 */

export interface Score {
  /** Messages of this line that came first. */
  wins: number
  /** Messages that another line had brought before. */
  late: number
}

export class Dedupe {
  /** When each key came first. A `Map` keeps the oldest first. */
  private readonly seen = new Map<unknown, number>()
  private readonly window: number
  readonly scores: ReadonlyArray<Score>
  /** How far behind the first late messages came, in milliseconds, summed over all lines. */
  lag = 0

  constructor(lines: number, window: number) {
    this.window = window
    this.scores = Array.from({ length: lines }, () => ({ wins: 0, late: 0 }))
  }

  /** Whether a message is let through. A message without a key always is. */
  admit(line: number, key: unknown, now: number): boolean {
    const score = this.scores[line]!
    const first = key === undefined ? undefined : this.seen.get(key)
    if (first !== undefined) {
      score.late++
      this.lag += now - first
      return false
    }
    score.wins++
    if (key !== undefined) this.remember(key, now)
    return true
  }

  private remember(key: unknown, now: number): void {
    this.seen.set(key, now)
    if (this.seen.size <= this.window) return
    const [oldest] = this.seen.keys()
    this.seen.delete(oldest)
  }
}
