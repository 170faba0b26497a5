/**
 * One side of a book: levels sorted from the worst price to the best, so that
 * changes near the top, which are most, move few elements and are found soon.
 */
import type { Changes } from "../../FeedEvent.ts"
import type { Sequence } from "../../Sequencer.ts"
import { compare } from "../json/decimal.ts"
import { LevelTexts } from "./levelTexts.ts"

/** Room for so many levels at first. */
const usual = 64
/** To move so many elements or more, the engine's own copy is faster than a loop. */
const many = 24

export class BookSide {
  length = 0
  readonly texts = new LevelTexts(usual)
  /** Prices, worst first: bids as they are, asks with the other sign, so that both ascend. */
  private keys = new Float64Array(usual)
  /** Where the texts of each level stand; behind the levels stand the places that are free. */
  private places = Int32Array.from({ length: usual }, (_, place) => place)
  private readonly sign: 1 | -1

  constructor(side: "bid" | "ask") {
    // The best bid is the highest price, the best ask the lowest.
    this.sign = side === "bid" ? 1 : -1
  }

  /** The price of a level as a number; index 0 is the best. */
  value(index: number): number | undefined {
    const at = this.length - 1 - index
    return at < 0 ? undefined : this.sign * this.keys[at]!
  }

  price(index: number): string {
    return this.texts.prices[this.placeOf(index)] ?? ""
  }

  size(index: number): string {
    return this.texts.sizes[this.placeOf(index)] ?? ""
  }

  /** Where the texts of a level stand, or -1; index 0 is the best. */
  placeOf(index: number): number {
    const at = this.length - 1 - index
    return at < 0 ? -1 : this.places[at]!
  }

  /** The best levels as changes that make them. */
  changes(count: number): Changes {
    const { length, sign } = this
    const from = Math.max(0, length - count)
    const places = Array.from(this.places.subarray(from, length))
    return {
      values: Array.from(this.keys.subarray(from, length), (key) => sign * key),
      prices: places.map((place) => this.texts.prices[place]!),
      sizes: places.map((place) => this.texts.sizes[place]!)
    }
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
    this.length = 0
    const { prices, sizes, values } = changes
    const order = values.map((_, index) => index)
    order.sort((a, b) => this.ordered(values[a] ?? 0, prices[a] ?? "", values[b] ?? 0, prices[b] ?? ""))
    for (const index of order) this.set(values[index] ?? 0, prices[index] ?? "", sizes[index] ?? "0")
  }

  /** Drops the levels beyond the depth that the venue sends. */
  truncate(depth: number): void {
    const { keys, length, places } = this
    const excess = length - depth
    if (excess <= 0) return
    const freed = places.slice(0, excess)
    keys.copyWithin(0, excess, length)
    places.copyWithin(0, excess, length)
    places.set(freed, depth)
    this.length = depth
  }

  private set(value: number, price: string, size: string): void {
    const { texts } = this
    const key = this.sign * value
    const at = this.find(key, price)
    const place = this.places[at]!
    const isThere = at < this.length && this.keys[at] === key && isSame(texts.prices[place]!, price)
    if (isZero(size)) {
      if (isThere) this.removeAt(at)
    } else if (!isThere) this.insertAt(at, key, price, size)
    // A text that is there already lives on: another one would have to grow old first.
    else if (texts.prices[place] === price) texts.resize(place, size)
    else texts.set(place, price, size)
  }

  private removeAt(at: number): void {
    const { keys, places } = this
    const last = --this.length
    const place = places[at]!
    if (last - at < many) {
      for (let index = at; index < last; index++) {
        keys[index] = keys[index + 1]!
        places[index] = places[index + 1]!
      }
    } else {
      keys.copyWithin(at, at + 1, last + 1)
      places.copyWithin(at, at + 1, last + 1)
    }
    places[last] = place
  }

  private insertAt(at: number, key: number, price: string, size: string): void {
    if (this.length === this.keys.length) this.grow()
    const { keys, length, places } = this
    const place = places[length]!
    if (length - at < many) {
      for (let index = length; index > at; index--) {
        keys[index] = keys[index - 1]!
        places[index] = places[index - 1]!
      }
    } else {
      keys.copyWithin(at + 1, at, length)
      places.copyWithin(at + 1, at, length)
    }
    keys[at] = key
    places[at] = place
    this.texts.set(place, price, size)
    this.length = length + 1
  }

  private grow(): void {
    const { keys, places } = this
    const room = 2 * keys.length
    this.keys = new Float64Array(room)
    this.keys.set(keys)
    this.places = Int32Array.from({ length: room }, (_, place) => place)
    this.places.set(places)
    this.texts.grow(room)
  }

  /** Where the level is, or where it belongs: looks from the top in growing steps, then between the last two. */
  private find(key: number, price: string): number {
    const { keys, length } = this
    let high = length
    let low = high - 4
    for (let step = 8; low > 0 && keys[low]! >= key; step *= 2) {
      high = low
      low = high - step
    }
    low = Math.max(0, low)
    while (low < high) {
      const middle = (low + high) >>> 1
      if (keys[middle]! < key) low = middle + 1
      else high = middle
    }
    // Two prices can be one double; then their digits decide.
    while (low < length && keys[low] === key && this.digits(this.texts.prices[this.places[low]!]!, price) < 0) low++
    return low
  }

  /** The order of two prices that are one double. */
  private digits(price: string, other: string): number {
    return price === other ? 0 : this.sign * compare(price, other)
  }

  private ordered(value: number, price: string, other: number, otherPrice: string): number {
    return value === other ? this.digits(price, otherPrice) : this.sign * (value - other)
  }
}

const isSame = (price: string, other: string): boolean => price === other || compare(price, other) === 0

/** Whether a size is nothing. Most sizes begin with a digit that says that they are not. */
const isZero = (size: string): boolean => {
  const first = size.charCodeAt(0)
  return (first < 49 || first > 57) && Number(size) === 0
}
