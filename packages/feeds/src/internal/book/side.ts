/**
 * One side of a book: levels sorted from the worst price to the best, so that
 * changes near the top, which are most, move few elements.
 */
import type { Changes } from "../../FeedEvent.ts"
import type { Sequence } from "../../Sequencer.ts"
import { compare } from "../json/decimal.ts"

export class BookSide {
  readonly values: Array<number> = []
  readonly prices: Array<string> = []
  readonly sizes: Array<string> = []
  private readonly ascending: boolean

  constructor(side: "bid" | "ask") {
    // The best bid is the highest price, the best ask the lowest.
    this.ascending = side === "bid"
  }

  get length(): number {
    return this.values.length
  }

  /** Index 0 is the best level. */
  at(index: number): number {
    return this.values.length - 1 - index
  }

  price(index: number): string {
    return this.prices[this.at(index)] ?? ""
  }

  size(index: number): string {
    return this.sizes[this.at(index)] ?? ""
  }

  clear(): void {
    this.values.length = 0
    this.prices.length = 0
    this.sizes.length = 0
  }

  /** Sets the levels; changes that carry a number up to `after` are in the snapshot already. */
  apply(changes: Changes, after: Sequence | undefined): void {
    const { prices, sequences, sizes, values } = changes
    for (let index = 0; index < values.length; index++) {
      const sequence = sequences?.[index]
      if (sequence !== undefined && after !== undefined && sequence <= after) continue
      this.set(values[index] ?? 0, prices[index] ?? "", sizes[index] ?? "0")
    }
  }

  /** Replaces all levels. Venues do not promise an order. */
  load(changes: Changes): void {
    this.clear()
    const { prices, sizes, values } = changes
    const order = values.map((_, index) => index)
    order.sort((a, b) => this.ordered(values[a] ?? 0, prices[a] ?? "", values[b] ?? 0, prices[b] ?? ""))
    for (const index of order) this.set(values[index] ?? 0, prices[index] ?? "", sizes[index] ?? "0")
  }

  /** Drops the levels beyond the depth that the venue sends. */
  truncate(depth: number): void {
    const excess = this.values.length - depth
    if (excess <= 0) return
    this.values.splice(0, excess)
    this.prices.splice(0, excess)
    this.sizes.splice(0, excess)
  }

  private set(value: number, price: string, size: string): void {
    const at = this.find(value, price)
    const found =
      at < this.values.length && this.ordered(this.values[at] ?? 0, this.prices[at] ?? "", value, price) === 0
    if (Number(size) === 0) {
      if (!found) return
      this.values.splice(at, 1)
      this.prices.splice(at, 1)
      this.sizes.splice(at, 1)
    } else if (found) {
      this.prices[at] = price
      this.sizes[at] = size
    } else {
      this.values.splice(at, 0, value)
      this.prices.splice(at, 0, price)
      this.sizes.splice(at, 0, size)
    }
  }

  private find(value: number, price: string): number {
    let low = 0
    let high = this.values.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.ordered(this.values[middle] ?? 0, this.prices[middle] ?? "", value, price) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  private ordered(value: number, price: string, other: number, otherPrice: string): number {
    // Two prices can be one double; then their digits decide.
    const difference =
      value === other ? (price === otherPrice ? 0 : compare(price, otherPrice)) : value < other ? -1 : 1
    return this.ascending ? difference : -difference
  }
}
