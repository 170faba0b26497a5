/**
 * What a venue shows of a book that it cuts to a depth, and how that window
 * changes. It remembers where the window ended, so a step costs what it changes
 * and not what the window holds.
 */
import type { Change, Instrument } from "../market/instrument.ts"
import type { Level, Side } from "../market/side.ts"

export interface Window {
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
}

/** What becomes of the levels that better ones push out of the window: told, or left for the client to cut. */
export type Pushed = "removed" | "untold"

export class View {
  readonly depth: number
  private readonly pushed: Pushed
  private readonly instrument: Instrument
  /** The worst price of the window on each side; undefined while the window holds the whole side. */
  private bidsEnd: number | undefined
  private asksEnd: number | undefined

  constructor(instrument: Instrument, depth: number, pushed: Pushed) {
    this.instrument = instrument
    this.depth = depth
    this.pushed = pushed
    this.reset()
  }

  /** Shows the book as it is now. */
  reset(): void {
    this.bidsEnd = this.instrument.bids.endOf(this.depth)
    this.asksEnd = this.instrument.asks.endOf(this.depth)
  }

  get window(): Window {
    return { bids: this.instrument.bids.top(this.depth), asks: this.instrument.asks.top(this.depth) }
  }

  /** Moves to the book after a step; what changed in the window. */
  move(change: Change): Window {
    const { asksEnd, bidsEnd } = this
    this.reset()
    return {
      bids: this.changes(this.instrument.bids, change.bids, bidsEnd, this.bidsEnd),
      asks: this.changes(this.instrument.asks, change.asks, asksEnd, this.asksEnd)
    }
  }

  private changes(
    side: Side,
    changed: ReadonlyArray<Level>,
    before: number | undefined,
    after: number | undefined
  ): ReadonlyArray<Level> {
    if (before === undefined && after === undefined) return changed
    const [gone, found]: [Array<Level>, Array<Level>] = [[], []]
    const touched = new Set<number>()
    for (const [ticks, lots, old = 0] of changed) {
      touched.add(ticks)
      const wasIn = old > 0 && side.isWithin(ticks, before)
      const isIn = lots > 0 && side.isWithin(ticks, after)
      if (isIn) found.push([ticks, lots, wasIn ? old : 0])
      else if (wasIn && (lots === 0 || this.pushed === "removed")) gone.push([ticks, 0, old])
    }
    // The end of the window moved over levels that did not change themselves.
    for (const [ticks, lots] of side.between(before, after)) {
      if (touched.has(ticks)) continue
      if (side.isWithin(ticks, after)) found.push([ticks, lots, 0])
      else if (this.pushed === "removed") gone.push([ticks, 0, lots])
    }
    return [...gone, ...found]
  }
}
