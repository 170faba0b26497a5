/**
 * One symbol of a simulated market: a price that walks, a book around it that is
 * never crossed, and trades at its best prices.
 */
import type { Asset } from "../../Market.ts"
import { hash, mix, noise, Random } from "./random.ts"
import { type Level, Side } from "./side.ts"

export interface Trade {
  readonly id: number
  readonly ticks: number
  readonly lots: number
  /** What the taker did. */
  readonly side: "buy" | "sell"
  readonly at: number
}

/** One step of a book, numbered by revisions from 1. Every change has a number of its own in `first`..`last`; one may be left over. */
export interface Change {
  readonly revision: number
  readonly first: number
  readonly last: number
  /** The number of the step before. */
  readonly previous: number
  readonly at: number
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
}

export interface Step {
  readonly change: Change
  readonly trades: ReadonlyArray<Trade>
}

/** How far the price moves, as parts of it, over how many milliseconds. */
const waves: ReadonlyArray<readonly [number, number]> = [
  [2_000, 0.000_01],
  [20_000, 0.000_1],
  [300_000, 0.000_8],
  [3_600_000, 0.006],
  [28_800_000, 0.02]
]

export interface Pace {
  readonly levels: number
  /** The chance that a step comes with trades. */
  readonly trading: number
}

export class Instrument {
  readonly asset: Asset
  readonly symbol: string
  readonly bids = new Side("bids")
  readonly asks = new Side("asks")
  revision = 0
  /** The number of the last change. Venues add their own beginning. */
  sequence = 0
  /** When the last step was. */
  at: number
  trades = 0
  lastTrade: Trade
  /** The last trades, oldest first. */
  readonly recent: Array<Trade> = []
  /** The day so far, in steps. */
  readonly day: { readonly open: number; high: number; low: number; lots: number }
  private readonly random: Random
  private readonly seed: number
  private readonly pace: Pace
  private readonly start: number
  /** What this step has touched so far, with the sizes before it. */
  private readonly pending: Record<"bids" | "asks", Array<{ readonly ticks: number; readonly before: number }>> = {
    bids: [],
    asks: []
  }

  constructor(
    asset: Asset,
    symbol: string,
    seed: { readonly price: number; readonly book: number },
    pace: Pace,
    at: number
  ) {
    this.asset = asset
    this.symbol = symbol
    this.pace = pace
    this.at = at
    this.seed = mix(seed.price, hash(asset.base))
    this.random = new Random(seed.book, `book of ${asset.base}`)
    this.start = Math.round(asset.price * 10 ** asset.priceDigits)
    const middle = this.middle(at)
    this.fill(middle)
    this.lastTrade = { id: 0, ticks: middle, lots: 1, side: "buy", at }
    this.day = { open: middle, high: middle, low: middle, lots: 0 }
  }

  /** The lowest price at which somebody may ask. */
  middle(at: number): number {
    let move = 0
    for (const [index, [period, size]] of waves.entries()) move += size * noise(this.seed + index, at / period)
    return Math.max(3, Math.round(this.start * Math.exp(move)))
  }

  step(at: number): Step {
    const middle = this.middle(at)
    this.sweep(middle)
    const trades = this.random.next() < this.pace.trading ? this.trade(at) : []
    this.fillTop(middle)
    const changes = 1 + this.random.below(4)
    for (let n = 0; n < changes; n++) this.touch(middle)
    this.resize(middle, at)
    return { change: this.commit(at), trades }
  }

  private half(side: "bids" | "asks"): Side {
    return side === "bids" ? this.bids : this.asks
  }

  private set(side: "bids" | "asks", ticks: number, lots: number): void {
    const half = this.half(side)
    const pending = this.pending[side]
    // A step touches few levels: looking through them is cheaper than a map.
    if (!pending.some((touched) => touched.ticks === ticks)) pending.push({ ticks, before: half.at(ticks) })
    half.set(ticks, lots)
  }

  /** What the price walked over is gone. */
  private sweep(middle: number): void {
    for (let best = this.bids.best; best !== undefined && best >= middle; best = this.bids.best)
      this.set("bids", best, 0)
    for (let best = this.asks.best; best !== undefined && best < middle; best = this.asks.best)
      this.set("asks", best, 0)
  }

  private trade(at: number): ReadonlyArray<Trade> {
    const found: Array<Trade> = []
    const count = 1 + this.random.below(3)
    for (let n = 0; n < count; n++) {
      const side = this.random.next() < 0.5 ? "buy" : "sell"
      const half = side === "buy" ? "asks" : "bids"
      const best = this.half(half).best
      if (best === undefined) continue
      const there = this.half(half).at(best)
      const lots = Math.max(1, Math.ceil(there * this.random.next()))
      this.set(half, best, there - lots)
      this.lastTrade = { id: ++this.trades, ticks: best, lots, side, at }
      found.push(this.lastTrade)
      this.recent.push(this.lastTrade)
      if (this.recent.length > 30) this.recent.shift()
      this.day.high = Math.max(this.day.high, best)
      this.day.low = Math.min(this.day.low, best)
      this.day.lots += lots
    }
    return found
  }

  /** Somebody always bids and asks close to the price. */
  private fillTop(middle: number): void {
    const bid = middle - 1 - this.random.below(2)
    if ((this.bids.best ?? 0) < bid - 2) this.set("bids", Math.max(1, bid), this.lots())
    const ask = middle + this.random.below(2)
    if ((this.asks.best ?? Infinity) > ask + 2) this.set("asks", ask, this.lots())
  }

  private touch(middle: number): void {
    const away = Math.floor(this.random.exponential(this.pace.levels / 4))
    const side = this.random.next() < 0.5 ? "bids" : "asks"
    const ticks = side === "bids" ? middle - 1 - away : middle + away
    if (ticks < 1) return
    const half = this.half(side)
    const gone = half.at(ticks) > 0 && half.size > 1 && this.random.next() < 0.35
    this.set(side, ticks, gone ? 0 : this.lots())
  }

  /** Lets a side grow or shrink towards a size that wanders. */
  private resize(middle: number, at: number): void {
    for (const side of ["bids", "asks"] as const) {
      const half = this.half(side)
      const wanted = this.pace.levels * (1 + 0.25 * noise(this.seed + 77 + side.length, at / 30_000))
      for (let n = 0; n < 3 && half.size > Math.max(2, wanted); n++) this.set(side, half.worst ?? 0, 0)
      if (half.size >= wanted) continue
      const ticks =
        side === "bids"
          ? (half.worst ?? middle) - 1 - this.random.below(3)
          : (half.worst ?? middle) + 1 + this.random.below(3)
      if (ticks >= 1) this.set(side, ticks, this.lots())
    }
  }

  private commit(at: number): Change {
    let [bids, asks] = [this.drain("bids"), this.drain("asks")]
    if (bids.length + asks.length === 0) {
      // Every step changes something: a venue sends no empty updates.
      const ticks = this.asks.best ?? 1
      this.set("asks", ticks, this.asks.at(ticks) + 1)
      ;[bids, asks] = [this.drain("bids"), this.drain("asks")]
    }
    const previous = this.sequence
    // Some numbers belong to nothing that can be seen.
    this.sequence += bids.length + asks.length + (this.random.next() < 0.35 ? 1 : 0)
    this.revision++
    this.at = at
    return { revision: this.revision, first: previous + 1, last: this.sequence, previous, at, bids, asks }
  }

  private drain(side: "bids" | "asks"): ReadonlyArray<Level> {
    const half = this.half(side)
    const found: Array<Level> = []
    for (const { before, ticks } of this.pending[side]) {
      const lots = half.at(ticks)
      if (lots !== before) found.push([ticks, lots, before])
    }
    this.pending[side].length = 0
    return found
  }

  private lots(): number {
    return 1 + Math.floor(Math.exp(this.random.next() * 11))
  }

  private fill(middle: number): void {
    let [bid, ask] = [middle - 1, middle]
    for (let n = 0; n < this.pace.levels; n++) {
      if (bid >= 1) this.bids.set(bid, this.lots())
      this.asks.set(ask, this.lots())
      bid -= 1 + this.random.below(3)
      ask += 1 + this.random.below(3)
    }
  }
}
