/**
 * One side of a book: levels sorted from the worst price to the best, so that
 * changes near the top, which are most, move few elements and are found soon.
 */
import type { Changes } from "../../FeedEvent.ts"
import type { Sequence } from "../../Sequencer.ts"
import { compare } from "../json/decimal.ts"
import type { Summed } from "./levelSums.ts"

interface Held extends Summed {
  readonly value: number
  price: string
  size: string
}

export class BookSide {
  // One list of levels, not a list for each part: a change moves a third of the elements.
  private readonly levels: Array<Held> = []
  private readonly ascending: boolean

  constructor(side: "bid" | "ask") {
    // The best bid is the highest price, the best ask the lowest.
    this.ascending = side === "bid"
  }

  get length(): number {
    return this.levels.length
  }

  /** The price of a level as a number; index 0 is the best. */
  value(index: number): number | undefined {
    return this.level(index)?.value
  }

  price(index: number): string {
    return this.level(index)?.price ?? ""
  }

  size(index: number): string {
    return this.level(index)?.size ?? ""
  }

  /** The best levels as changes that make them. */
  changes(count: number): Changes {
    const best = this.levels.slice(Math.max(0, this.levels.length - count))
    return {
      values: best.map(({ value }) => value),
      prices: best.map(({ price }) => price),
      sizes: best.map(({ size }) => size)
    }
  }

  /** A level; index 0 is the best. */
  level(index: number): Held | undefined {
    return this.levels[this.levels.length - 1 - index]
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
    this.levels.length = 0
    const { prices, sizes, values } = changes
    const order = values.map((_, index) => index)
    order.sort((a, b) => this.ordered(values[a] ?? 0, prices[a] ?? "", values[b] ?? 0, prices[b] ?? ""))
    for (const index of order) this.set(values[index] ?? 0, prices[index] ?? "", sizes[index] ?? "0")
  }

  /** Drops the levels beyond the depth that the venue sends. */
  truncate(depth: number): void {
    const excess = this.levels.length - depth
    if (excess > 0) this.levels.splice(0, excess)
  }

  private set(value: number, price: string, size: string): void {
    const { levels } = this
    const at = this.find(value, price)
    const there = levels[at]
    const isThere =
      there !== undefined && there.value === value && (there.price === price || compare(there.price, price) === 0)
    if (isZero(size)) {
      if (isThere) this.removeAt(at)
    } else if (isThere) {
      there.price = price
      there.size = size
      there.summed = 0
    } else this.insertAt(at, { value, price, size, sum: 0, summed: 0 })
  }

  // By hand: `splice` makes an array of what it took out.
  private removeAt(at: number): void {
    const { levels } = this
    for (let index = at, last = levels.length - 1; index < last; index++) levels[index] = levels[index + 1]!
    levels.pop()
  }

  private insertAt(at: number, level: Held): void {
    const { levels } = this
    levels.push(level)
    for (let index = levels.length - 1; index > at; index--) levels[index] = levels[index - 1]!
    levels[at] = level
  }

  /** Where the level is, or where it belongs: looks from the top in growing steps, then between the last two. */
  private find(value: number, price: string): number {
    const { levels } = this
    let high = levels.length
    let low = high - 4
    for (let step = 8; low > 0 && !this.isWorse(levels[low]!.value, value); step *= 2) {
      high = low
      low = high - step
    }
    low = Math.max(0, low)
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.isWorse(levels[middle]!.value, value)) low = middle + 1
      else high = middle
    }
    // Two prices can be one double; then their digits decide.
    for (let level = levels[low]; level !== undefined && level.value === value; level = levels[++low])
      if (this.ordered(value, level.price, value, price) >= 0) return low
    return low
  }

  private isWorse(value: number, other: number): boolean {
    return this.ascending ? value < other : value > other
  }

  private ordered(value: number, price: string, other: number, otherPrice: string): number {
    const difference =
      value === other ? (price === otherPrice ? 0 : compare(price, otherPrice)) : value < other ? -1 : 1
    return this.ascending ? difference : -difference
  }
}

/** Whether a size is nothing. Most sizes begin with a digit that says that they are not. */
const isZero = (size: string): boolean => {
  const first = size.charCodeAt(0)
  return (first < 49 || first > 57) && Number(size) === 0
}
