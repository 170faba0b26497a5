/**
 * First wins: of messages with one key only the first is let through, whichever
 * line it came by. It remembers a bounded number of keys.
 */

export interface Score {
  /** Messages of this line that came first. */
  wins: number
  /** Messages that another line had brought before. */
  late: number
}

export class Dedupe {
  /** When each key came first. Oldest first; a `Map` keeps that order by itself. */
  private readonly seen = new Map<unknown, number>()
  private readonly window: number
  readonly scores: ReadonlyArray<Score>
  /** How far behind the winner late messages came, in milliseconds, all lines together. */
  lag = 0

  constructor(lines: number, window: number) {
    this.window = window
    this.scores = Array.from({ length: lines }, () => ({ wins: 0, late: 0 }))
  }

  /** Whether a message is let through. A key of `undefined` always is. */
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
