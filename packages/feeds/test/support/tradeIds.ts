/** Holes in the ids of trades, where a venue counts them. */

const numberOf = (id: string | undefined): bigint | undefined =>
  id !== undefined && /^\d+$/.test(id) ? BigInt(id) : undefined

/** Follows one topic's trades: what is missing, and whether a marker announced it. */
export class TradeIds {
  seen = 0
  /** Missing trades that a marker announced, and those that none did. */
  marked = 0
  unmarked = 0
  /** Jumps that no marker announced. */
  unmarkedGaps = 0
  private last: bigint | undefined
  private isMarked = true

  /** A marker: what is missing here is known. */
  mark(): void {
    this.isMarked = true
  }

  see(id: string | undefined): void {
    const at = numberOf(id)
    if (at === undefined) return
    this.seen++
    const missing = this.last === undefined ? 0 : Math.max(0, Number(at - this.last) - 1)
    if (this.isMarked) this.marked += missing
    else {
      this.unmarked += missing
      if (missing > 0) this.unmarkedGaps++
    }
    if (this.last === undefined || at > this.last) this.last = at
    this.isMarked = false
  }
}

/** The same of a list of ids, in which no marker stands. */
export const tradeIdsOf = (ids: ReadonlyArray<string>): TradeIds => {
  const trades = new TradeIds()
  for (const id of ids) trades.see(id)
  return trades
}
