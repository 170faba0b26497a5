/** The right book of one symbol at every step that is still kept. */
import type { Change, Instrument } from "./instrument.ts"
import { type Level, Side } from "./side.ts"

interface Moment {
  readonly revision: number
  readonly sequence: number
  readonly at: number
}

interface State extends Moment {
  revision: number
  sequence: number
  at: number
  readonly bids: Side
  readonly asks: Side
}

export interface Found extends Moment {
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
}

/** Which step: the last one up to a revision, up to a time, or the one that a number belongs to. */
export type Question =
  | { readonly revision: number; readonly newest: number }
  | { readonly sequence: number; readonly newest: number }
  | { readonly time: number }

const apply = (state: State, change: Change): void => {
  for (const [ticks, lots] of change.bids) state.bids.set(ticks, lots)
  for (const [ticks, lots] of change.asks) state.asks.set(ticks, lots)
  state.revision = change.revision
  state.sequence = change.last
  state.at = change.at
}

const copy = (sides: Pick<State, "bids" | "asks">, { at, revision, sequence }: Moment): State => {
  const [bids, asks] = [new Side("bids"), new Side("asks")]
  for (const [ticks, lots] of sides.bids.top().toReversed()) bids.set(ticks, lots)
  for (const [ticks, lots] of sides.asks.top().toReversed()) asks.set(ticks, lots)
  return { revision, sequence, at, bids, asks }
}

/** Whether a step that begins at a moment is not after what is asked for. */
const reaches = (
  question: Question,
  step: { readonly revision: number; readonly first: number; readonly at: number }
) => {
  if ("revision" in question) return step.revision <= question.revision
  return "time" in question ? step.at <= question.time : step.first <= question.sequence
}

export class Truth {
  /** The oldest book that is kept. */
  private readonly base: State
  /** The steps after it. Those before `old` are in the base already. */
  private changes: Array<Change> = []
  private old = 0
  /** The last answer: questions mostly go forward. */
  private cursor: State | undefined
  private readonly keep: number

  constructor(instrument: Instrument, keep: number, at: number) {
    this.keep = keep
    this.base = copy(instrument, { revision: instrument.revision, sequence: instrument.sequence, at })
  }

  add(change: Change): void {
    this.changes.push(change)
    if (this.changes.length - this.old <= this.keep) return
    const oldest = this.changes[this.old++]
    if (oldest !== undefined) apply(this.base, oldest)
    if (this.old < this.keep) return
    this.changes = this.changes.slice(this.old)
    this.old = 0
  }

  find(question: Question, depth: number): Found | undefined {
    if ("revision" in question && question.revision > question.newest) return undefined
    if ("sequence" in question && question.sequence > question.newest) return undefined
    const { base } = this
    if (!reaches(question, { revision: base.revision, first: base.sequence, at: base.at })) return undefined
    const last = this.lastIndex(question)
    const state = this.move(last)
    return {
      revision: state.revision,
      sequence: state.sequence,
      at: state.at,
      bids: state.bids.top(depth),
      asks: state.asks.top(depth)
    }
  }

  /** The book after the step at an index. */
  private move(last: number): State {
    const wanted = this.changes[last]?.revision ?? this.base.revision
    const known = this.cursor
    const usable = known !== undefined && known.revision >= this.base.revision && known.revision <= wanted
    const state = usable ? known : copy(this.base, this.base)
    for (let at = this.old + (state.revision - this.base.revision); at <= last; at++) {
      const change = this.changes[at]
      if (change !== undefined) apply(state, change)
    }
    this.cursor = state
    return state
  }

  private lastIndex(question: Question): number {
    let [low, high] = [this.old, this.changes.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const change = this.changes[middle]
      if (change !== undefined && reaches(question, change)) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
