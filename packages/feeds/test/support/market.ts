/**
 * A market whose truth is known: one book and its trades, numbered. Scripted
 * venues say of it what their sockets would.
 */
import { random } from "./random.ts"

export interface MarketTrade {
  readonly id: number
  readonly price: string
  readonly size: string
  readonly at: number
}

export interface Delta {
  /** The number of this change; it follows the one before. */
  readonly sequence: number
  readonly bids: ReadonlyArray<readonly [string, string]>
  readonly asks: ReadonlyArray<readonly [string, string]>
}

export class Market {
  sequence = 100
  readonly bids = new Map<string, string>()
  readonly asks = new Map<string, string>()
  readonly trades: Array<MarketTrade> = []
  /** What the book was after each change, as text. */
  readonly history = new Map<number, string>()
  private readonly next: () => number

  constructor(seed: number) {
    this.next = random(seed)
    for (let step = 0; step < 15; step++) {
      this.bids.set(String(1000 - step), String(1 + Math.floor(this.next() * 9)))
      this.asks.set(String(1001 + step), String(1 + Math.floor(this.next() * 9)))
    }
    this.history.set(this.sequence, this.said)
  }

  /** Both sides, best levels first. */
  get levels(): {
    readonly bids: ReadonlyArray<readonly [string, string]>
    readonly asks: ReadonlyArray<readonly [string, string]>
  } {
    return {
      bids: [...this.bids].toSorted(([a], [b]) => Number(b) - Number(a)),
      asks: [...this.asks].toSorted(([a], [b]) => Number(a) - Number(b))
    }
  }

  /** The book as text, as `said` prints a `Book`. */
  get said(): string {
    const { asks, bids } = this.levels
    return [bids, asks].map((side) => side.map(([price, size]) => `${price}@${size}`).join(" ")).join(" | ")
  }

  /** Changes two levels of each side. */
  change(): Delta {
    this.sequence++
    const side = (levels: Map<string, string>, base: number, sign: number) =>
      Array.from({ length: 2 }, () => {
        const price = String(base + sign * Math.floor(this.next() * 15))
        const size = String(Math.floor(this.next() * 5))
        if (size === "0") levels.delete(price)
        else levels.set(price, size)
        return [price, size] as const
      })
    const bids = side(this.bids, 1000, -1)
    const asks = side(this.asks, 1001, 1)
    this.history.set(this.sequence, this.said)
    return { sequence: this.sequence, bids, asks }
  }

  trade(at: number): MarketTrade {
    const trade = { id: this.trades.length + 1, price: "1000", size: String(1 + Math.floor(this.next() * 9)), at }
    this.trades.push(trade)
    return trade
  }
}
