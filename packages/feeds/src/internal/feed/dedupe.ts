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

/** Two generations of ids are known, the younger of at most so many. */
const generation = 2_048

export class Dedupe {
  private readonly scores: ReadonlyArray<Score>
  private young = new Map<unknown, First | undefined>()
  private old = new Map<unknown, First | undefined>()

  constructor(scores: ReadonlyArray<Score>) {
    this.scores = scores
  }

  /** Whether a trade is new; one without an id always is. */
  admit({ arrivalTime, id }: Trade, leg: number): boolean {
    return id === undefined || this.first(id, leg, arrivalTime)
  }

  /** Whether nobody brought this before. */
  first(key: unknown, leg: number, at: number): boolean {
    if (this.young.has(key) || this.old.has(key)) {
      this.score(this.young.get(key) ?? this.old.get(key), leg, at)
      return false
    }
    const score = this.scores[leg]
    if (score !== undefined) score.wins++
    if (this.young.size >= generation) {
      this.old = this.young
      this.young = new Map()
    }
    // A single line has nobody to be compared with.
    this.young.set(key, this.scores.length > 1 ? { leg, at } : undefined)
    return true
  }

  /** A line that repeats itself is not behind another one. */
  private score(first: First | undefined, leg: number, at: number): void {
    const score = this.scores[leg]
    if (first === undefined || score === undefined || first.leg === leg) return
    score.late++
    score.lag += at - first.at
  }
}
