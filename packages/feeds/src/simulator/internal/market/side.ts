/**
 * One side of a simulated book: sizes by price, in whole steps. Prices are kept
 * worst first, since most changes are near the best one and then move little.
 */

/** A price and a size, in steps. A size of 0 removes the level. In a change, also the size before. */
export type Level = readonly [ticks: number, lots: number, before?: number]

export class Side {
  private readonly lots = new Map<number, number>()
  private readonly prices: Array<number> = []
  /** 1 where a higher price is better. */
  private readonly sign: 1 | -1

  constructor(kind: "bids" | "asks") {
    this.sign = kind === "bids" ? 1 : -1
  }

  get size(): number {
    return this.prices.length
  }

  /** The best price. */
  get best(): number | undefined {
    return this.prices.at(-1)
  }

  /** The worst price. */
  get worst(): number | undefined {
    return this.prices[0]
  }

  at(ticks: number): number {
    return this.lots.get(ticks) ?? 0
  }

  set(ticks: number, lots: number): void {
    const known = this.lots.has(ticks)
    if (lots > 0) this.lots.set(ticks, lots)
    else this.lots.delete(ticks)
    if (known === lots > 0) return
    const place = this.place(ticks)
    if (known) this.prices.splice(place, 1)
    else this.prices.splice(place, 0, ticks)
  }

  /** The best levels, best first. */
  top(count = Infinity): ReadonlyArray<Level> {
    const found: Array<Level> = []
    const last = Math.max(0, this.prices.length - count)
    for (let at = this.prices.length - 1; at >= last; at--) {
      const ticks = this.prices[at] ?? 0
      found.push([ticks, this.at(ticks)])
    }
    return found
  }

  /** The worst of the best so many prices; undefined where there are no more than that. */
  endOf(depth: number): number | undefined {
    return this.prices.length <= depth ? undefined : this.prices[this.prices.length - depth]
  }

  /** Whether a price is as good as an end, which lies beyond everything if undefined. */
  isWithin(ticks: number, end: number | undefined): boolean {
    return end === undefined || ticks * this.sign >= end * this.sign
  }

  /** The levels from one end to another, the better end itself left out. */
  between(one: number | undefined, other: number | undefined): ReadonlyArray<Level> {
    const [low, high] = [one, other].map((end) => (end === undefined ? 0 : this.place(end))).toSorted((a, b) => a - b)
    return this.prices.slice(low, high).map((ticks) => [ticks, this.at(ticks)])
  }

  private place(ticks: number): number {
    let [low, high] = [0, this.prices.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.prices[middle] ?? 0) * this.sign < ticks * this.sign) low = middle + 1
      else high = middle
    }
    return low
  }
}
