/**
 * The demo's bookkeeping, and its verdict: every number of every topic is either
 * received or behind a marker, and every order's outcome is true. It knows
 * nothing of the library but the markers that it was shown.
 */

interface Line {
  last: number | undefined
  marked: boolean
  /** Markers that stood in this topic. */
  markers: number
}

export interface FeedBook {
  messages: number
  /** Interruptions, which a marker shows in each topic of the feed. */
  gaps: number
  /** Messages that were missing behind a marker. */
  marked: number
  /** Places where messages are missing and no marker says so. */
  undetected: number
  /** Messages missing there. */
  silent: number
  repeated: number
}

const newBook = (): FeedBook => ({ messages: 0, gaps: 0, marked: 0, undetected: 0, silent: 0, repeated: 0 })

export type Outcome = "Confirmed" | "Expired" | "Dropped" | "Failed" | "Unknown"

export interface Verdict extends FeedBook {
  readonly orders: Readonly<Record<Outcome, number>>
  /** Orders that were confirmed and never arrived, or have no outcome. */
  readonly lostOrders: number
  readonly ordersWithoutOutcome: number
  readonly recoveries: ReadonlyArray<number>
  readonly passed: boolean
}

export class Ledger {
  readonly feeds = new Map<string, FeedBook>()
  readonly recoveries: Array<number> = []
  private readonly lines = new Map<string, Line>()
  private readonly orders = new Map<string, Outcome | undefined>()

  bookOf(feed: string): FeedBook {
    const found = this.feeds.get(feed)
    if (found !== undefined) return found
    const book = newBook()
    this.feeds.set(feed, book)
    return book
  }

  message(feed: string, topic: string, seq: number): void {
    const book = this.bookOf(feed)
    const line = this.lineOf(topic)
    book.messages++
    if (line.last !== undefined && seq <= line.last) {
      book.repeated++
      return
    }
    const missing = line.last === undefined ? 0 : seq - line.last - 1
    if (missing > 0) this.missing(book, line, missing)
    line.last = seq
    line.marked = false
  }

  marker(feed: string, topic: string): void {
    const book = this.bookOf(feed)
    const line = this.lineOf(topic)
    line.marked = true
    book.gaps = Math.max(book.gaps, ++line.markers)
  }

  ordered(order: string): void {
    this.orders.set(order, undefined)
  }

  settled(order: string, outcome: Outcome): void {
    this.orders.set(order, outcome)
  }

  /** An order that was refused at the door was never ours. */
  refused(order: string): void {
    this.orders.delete(order)
  }

  get openOrders(): number {
    return [...this.orders.values()].filter((outcome) => outcome === undefined).length
  }

  /** Whether every topic has come to its end. */
  isComplete(published: Readonly<Record<string, number>>): boolean {
    return Object.entries(published).every(([topic, last]) => this.lineOf(topic).last === last)
  }

  verdict(
    published: Readonly<Record<string, number>>,
    arrived: ReadonlySet<string>,
    feedOf: (topic: string) => string
  ): Verdict {
    for (const [topic, last] of Object.entries(published)) {
      const line = this.lineOf(topic)
      const missing = last - (line.last ?? 0)
      if (missing > 0) this.missing(this.bookOf(feedOf(topic)), line, missing)
      line.last = last
    }
    const sum = newBook()
    for (const book of this.feeds.values()) {
      for (const key of Object.keys(sum) as Array<keyof FeedBook>) sum[key] += book[key]
    }
    const orders = { Confirmed: 0, Expired: 0, Dropped: 0, Failed: 0, Unknown: 0 }
    for (const outcome of this.orders.values()) if (outcome !== undefined) orders[outcome]++
    const ordersWithoutOutcome = this.openOrders
    const vanished = [...this.orders].filter(([order, outcome]) => outcome === "Confirmed" && !arrived.has(order))
    const lostOrders = vanished.length + ordersWithoutOutcome
    const passed =
      sum.messages > 0 && orders.Confirmed > 0 && sum.undetected === 0 && sum.silent === 0 && lostOrders === 0
    return { ...sum, orders, lostOrders, ordersWithoutOutcome, recoveries: this.recoveries, passed }
  }

  private missing(book: FeedBook, line: Line, count: number): void {
    if (line.marked) {
      book.marked += count
      return
    }
    book.undetected++
    book.silent += count
  }

  private lineOf(topic: string): Line {
    const found = this.lines.get(topic)
    if (found !== undefined) return found
    const line = { last: undefined, marked: false, markers: 0 }
    this.lines.set(topic, line)
    return line
  }
}

/** The value below which this share of the numbers lies. */
export const percentile = (numbers: ReadonlyArray<number>, share: number): number | undefined =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))]
