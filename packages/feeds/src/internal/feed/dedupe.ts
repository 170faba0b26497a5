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

/** Twice the ids, so that a free place is never far. */
const places = 2 * generation

/** A short number of a text, never 0: equal for equal texts, and mostly for no others. */
const markOf = (id: string): number => {
  let mark = 0x811c9dc5
  for (let at = 0; at < id.length; at++) mark = Math.imul(mark ^ id.charCodeAt(at), 0x01000193)
  return (mark ^ (mark >>> 15)) >>> 0 || 1
}

/**
 * One generation of ids, in a table of their marks that is never grown. A set of
 * texts would take about as long as all the rest of reading a trade.
 */
class Generation {
  size = 0
  private readonly marks = new Uint32Array(places)
  private readonly ids = Array.from({ length: places }, () => "")

  has(id: string, mark: number): boolean {
    return this.marks[this.placeOf(id, mark)] !== 0
  }

  add(id: string, mark: number): void {
    const at = this.placeOf(id, mark)
    this.size++
    this.marks[at] = mark
    this.ids[at] = id
  }

  clear(): void {
    this.size = 0
    this.marks.fill(0)
    this.ids.fill("")
  }

  /** Where an id is, or the free place where it belongs. */
  private placeOf(id: string, mark: number): number {
    let at = mark % places
    for (let found = this.marks[at]; found !== 0; found = this.marks[at]) {
      if (found === mark && this.ids[at] === id) return at
      at = (at + 1) % places
    }
    return at
  }
}

/** What was seen, of the latest ids. */
class Seen {
  private young = new Generation()
  private old = new Generation()

  /** Takes an id; returns whether it is new. */
  take(id: string): boolean {
    const mark = markOf(id)
    if (this.young.has(id, mark) || this.old.has(id, mark)) return false
    if (this.young.size >= generation) {
      this.old.clear()
      const { old, young } = this
      this.old = young
      this.young = old
    }
    this.young.add(id, mark)
    return true
  }
}

/** Who was first, of the latest ids. */
class Firsts {
  private young = new Map<unknown, First>()
  private old = new Map<unknown, First>()

  get(id: unknown): First | undefined {
    return this.young.get(id) ?? this.old.get(id)
  }

  set(id: unknown, first: First): void {
    if (this.young.size >= generation) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(id, first)
  }
}

export class Dedupe {
  private readonly scores: ReadonlyArray<Score>
  /** A single line has nobody to be compared with: then it is enough to know what was seen. */
  private readonly ids: Firsts | Seen

  constructor(scores: ReadonlyArray<Score>) {
    this.scores = scores
    this.ids = scores.length > 1 ? new Firsts() : new Seen()
  }

  /** Whether a trade is new; one without an id always is. */
  admit({ arrivalTime, id }: Trade, leg: number): boolean {
    return id === undefined || this.first(id, leg, arrivalTime)
  }

  /** Whether nobody brought this before. */
  first(key: unknown, leg: number, at: number): boolean {
    const { ids } = this
    if (ids instanceof Seen) {
      if (!ids.take(String(key))) return false
    } else {
      const first = ids.get(key)
      if (first !== undefined) {
        this.score(first, leg, at)
        return false
      }
      ids.set(key, { leg, at })
    }
    const score = this.scores[leg]
    if (score !== undefined) score.wins++
    return true
  }

  /** A line that repeats itself is not behind another one. */
  private score(first: First, leg: number, at: number): void {
    const score = this.scores[leg]
    if (score === undefined || first.leg === leg) return
    score.late++
    score.lag += at - first.at
  }
}
