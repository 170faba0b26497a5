/** What a venue shows of a book that it cuts to a depth, and how that window changes. */
import type { Instrument } from "../market/instrument.ts"
import type { Level, Side } from "../market/side.ts"

export interface Window {
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
}

/** What became of the levels that better ones pushed out of the window: told, or left for the client to cut. */
export type Pushed = "removed" | "untold"

export class View {
  private bids: ReadonlyArray<Level> = []
  private asks: ReadonlyArray<Level> = []
  readonly depth: number
  readonly pushed: Pushed

  constructor(depth: number, pushed: Pushed) {
    this.depth = depth
    this.pushed = pushed
  }

  reset(instrument: Instrument): void {
    this.bids = instrument.bids.top(this.depth)
    this.asks = instrument.asks.top(this.depth)
  }

  get window(): Window {
    return { bids: this.bids, asks: this.asks }
  }

  /** Moves to the book as it is now; what changed in the window. */
  move(instrument: Instrument): Window {
    const [bids, asks] = [instrument.bids.top(this.depth), instrument.asks.top(this.depth)]
    const changes = {
      bids: this.changes(this.bids, bids, instrument.bids),
      asks: this.changes(this.asks, asks, instrument.asks)
    }
    this.bids = bids
    this.asks = asks
    return changes
  }

  private changes(before: ReadonlyArray<Level>, after: ReadonlyArray<Level>, side: Side): ReadonlyArray<Level> {
    const old = new Map(before.map(([ticks, lots]) => [ticks, lots]))
    const found: Array<Level> = []
    for (const [ticks, lots] of after) {
      const known = old.get(ticks) ?? 0
      if (known !== lots) found.push([ticks, lots, known])
      old.delete(ticks)
    }
    const removed: Array<Level> = []
    for (const [ticks, lots] of old) {
      if (this.pushed === "removed" || side.at(ticks) === 0) removed.push([ticks, 0, lots])
    }
    return [...removed, ...found]
  }
}
