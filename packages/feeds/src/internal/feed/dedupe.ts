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

/**
 * Two numbers of 32 bits that stand for a text, the first never 0. Different texts
 * have the same two about once in 10^19 pairs, so a trade is taken for one of the
 * last few thousand less than once in 10^15.
 */
const marks = { first: 0, second: 0 }

const mark = (id: string): void => {
  let first = 0x811c9dc5
  let second = 0x9e3779b1
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at)
    first = Math.imul(first ^ code, 0x01000193)
    second = Math.imul((second << 5) ^ (second >>> 27) ^ code, 0x85ebca6b)
  }
  marks.first = (first ^ (first >>> 15)) >>> 0 || 1
  marks.second = (second ^ (second >>> 16)) >>> 0
}

/**
 * One generation of ids, in a table of their marks that is never grown. The texts
 * themselves would outlive their trades, which costs the garbage collector more
 * than all the rest of reading a trade.
 */
class Generation {
  size = 0
  /** The two marks of an id side by side: looking one up touches memory that no cache holds once. */
  private readonly pairs = new Uint32Array(2 * places)

  has(first: number, second: number): boolean {
    return this.pairs[this.placeOf(first, second)] !== 0
  }

  add(first: number, second: number): void {
    const at = this.placeOf(first, second)
    this.size++
    this.pairs[at] = first
    this.pairs[at + 1] = second
  }

  clear(): void {
    this.size = 0
    this.pairs.fill(0)
  }

  /** Where an id is, or the free place where it belongs. */
  private placeOf(first: number, second: number): number {
    const { pairs } = this
    let at = 2 * (first % places)
    for (let found = pairs[at]; found !== 0; found = pairs[at]) {
      if (found === first && pairs[at + 1] === second) return at
      at = (at + 2) % (2 * places)
    }
    return at
  }
}

/** How many increasing ids wait at first, and at most: as many as the generations know. */
const roomAtFirst = 64
const roomAtMost = 2 * generation

/** Whether an id stands behind all up to another one, in an order that numbers keep. */
const isLater = (id: string, other: string): boolean =>
  id.length === other.length ? id > other : id.length > other.length

/**
 * What was seen, of the latest ids. Most venues count their trades up, and an id
 * behind all others is new without a look: it waits in a list, whose end is all that
 * such a topic touches, until an id comes that has to be looked up.
 */
class Seen {
  /** The last of all ids, in the order of `isLater`. */
  private latest = ""
  /** The marks of ids that are not in a generation yet, a ring once there are as many as may be. */
  private increasing = new Uint32Array(2 * roomAtFirst)
  private count = 0
  private young: Generation | undefined
  /** Made when the young one is full for the first time. */
  private old: Generation | undefined

  /** Takes an id; returns whether it is new. */
  take(id: string): boolean {
    mark(id)
    const { first, second } = marks
    if (isLater(id, this.latest)) {
      this.latest = id
      this.wait(first, second)
      return true
    }
    this.settle()
    if (this.young?.has(first, second) === true || this.old?.has(first, second) === true) return false
    this.add(first, second)
    return true
  }

  private wait(first: number, second: number): void {
    if (2 * this.count === this.increasing.length && this.count < roomAtMost) this.grow()
    const at = 2 * (this.count % roomAtMost)
    this.increasing[at] = first
    this.increasing[at + 1] = second
    this.count++
  }

  private grow(): void {
    const { increasing } = this
    this.increasing = new Uint32Array(2 * increasing.length)
    this.increasing.set(increasing)
  }

  /** What waited becomes part of the generations, in order. */
  private settle(): void {
    const { count, increasing } = this
    this.count = 0
    for (let index = Math.max(0, count - roomAtMost); index < count; index++) {
      const at = 2 * (index % roomAtMost)
      this.add(increasing[at]!, increasing[at + 1]!)
    }
  }

  private add(first: number, second: number): void {
    if (this.young === undefined || this.young.size >= generation) {
      const { old = new Generation(), young } = this
      old.clear()
      this.old = young
      this.young = old
    }
    this.young.add(first, second)
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
