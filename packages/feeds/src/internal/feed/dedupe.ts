/**
 * Trades once each, by the venue's own id: lines that carry the same, sessions
 * that overlap, and venues that repeat the latest trades to a new subscription
 * bring them more than once. It remembers a bounded number of ids, and which line
 * was first.
 */
import type { Trade } from "../../FeedEvent.ts"

/** How good a line was beside the others. */
export interface Score {
  /** Events that it brought first. */
  wins: number
  /** Events that another line had brought before. */
  late: number
  /** How far behind the winner those were, in milliseconds, all together. */
  lag: number
}

export const newScores = (legs: number): ReadonlyArray<Score> =>
  Array.from({ length: legs }, () => ({ wins: 0, late: 0, lag: 0 }))

interface First {
  readonly leg: number
  readonly at: number
}

const remembered = 4_096

export class Dedupe {
  private readonly scores: ReadonlyArray<Score>
  /** Oldest first: a `Map` keeps that order by itself. */
  private readonly seen = new Map<unknown, First>()

  constructor(scores: ReadonlyArray<Score>) {
    this.scores = scores
  }

  /** Whether a trade is new; one without an id always is. */
  admit({ arrivalTime, id }: Trade, leg: number): boolean {
    return id === undefined || this.first(id, leg, arrivalTime)
  }

  /** Whether nobody brought this before. */
  first(key: unknown, leg: number, at: number): boolean {
    const before = this.seen.get(key)
    const score = this.scores[leg]
    if (before !== undefined) {
      // A line that repeats itself is not behind another one.
      if (score !== undefined && before.leg !== leg) {
        score.late++
        score.lag += at - before.at
      }
      return false
    }
    if (score !== undefined) score.wins++
    this.seen.set(key, { leg, at })
    if (this.seen.size > remembered) this.seen.delete(this.seen.keys().next().value)
    return true
  }
}
