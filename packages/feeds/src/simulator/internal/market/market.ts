/** All symbols of a venue: their steps through time, their numbers, and the right books of before. */
import type { TrueBook } from "../../Ledger.ts"
import type { Asset, Options } from "../../Market.ts"
import type { When } from "../../Simulator.ts"
import type { Agenda } from "../engine/agenda.ts"
import { listed } from "./assets.ts"
import { Instrument, type Step } from "./instrument.ts"
import { hash, mix, Random } from "./random.ts"
import type { Level } from "./side.ts"
import { Truth } from "./truth.ts"

export interface Spelling {
  readonly symbol: (asset: Asset) => string
  readonly price: (instrument: Instrument, ticks: number) => string
  readonly size: (instrument: Instrument, lots: number) => string
}

export class Market {
  readonly instruments: ReadonlyArray<Instrument>
  private readonly options: Options
  private readonly spelling: Spelling
  private readonly base: bigint
  private readonly random: Random
  private readonly bySymbol: ReadonlyMap<string, Instrument>
  private readonly truths: ReadonlyMap<Instrument, Truth>

  constructor(venue: string, seed: number, options: Options, spelling: Spelling, start: number, history: number) {
    this.options = options
    this.spelling = spelling
    this.base = options.sequence ?? 1_000_000_000n
    this.random = new Random(seed, `market of ${venue}`)
    const assets = typeof options.assets === "object" ? options.assets : listed(options.assets ?? 10)
    const pace = { levels: options.levels ?? 150, trading: Math.min(1, (options.trades ?? 0.5) / 2 / this.updates) }
    const seeds = { price: options.seed ?? seed, book: mix(seed, hash(venue)) }
    this.instruments = assets.map((asset) => new Instrument(asset, spelling.symbol(asset), seeds, pace, start))
    this.bySymbol = new Map(this.instruments.map((instrument) => [instrument.symbol, instrument]))
    this.truths = new Map(this.instruments.map((instrument) => [instrument, new Truth(instrument, history, start)]))
  }

  instrument(symbol: string): Instrument | undefined {
    return this.bySymbol.get(symbol)
  }

  /** A venue's number for a number of the market. */
  number(sequence: number): bigint {
    return this.base + BigInt(sequence)
  }

  /** Steps every book for ever, at random times of which no two of one book are alike. */
  start(agenda: Agenda, from: number, stepped: (instrument: Instrument, step: Step) => void): void {
    for (const instrument of this.instruments) {
      const task = agenda.at(from + this.wait(from), (now) => {
        const step = instrument.step(now)
        this.truths.get(instrument)?.add(step.change)
        stepped(instrument, step)
        agenda.again(task, now + this.wait(now))
      })
    }
  }

  book(symbol: string, when: When | undefined, depth: number): TrueBook | undefined {
    const instrument = this.bySymbol.get(symbol)
    const truth = instrument === undefined ? undefined : this.truths.get(instrument)
    if (instrument === undefined || truth === undefined) return undefined
    const found = truth.find(this.question(instrument, when ?? { revision: instrument.revision }), depth)
    if (found === undefined) return undefined
    const write = (levels: ReadonlyArray<Level>) =>
      levels.map(
        ([ticks, lots]) => [this.spelling.price(instrument, ticks), this.spelling.size(instrument, lots)] as const
      )
    const { asks, at, bids, revision, sequence } = found
    return { revision, sequence: this.number(sequence), at, bids: write(bids), asks: write(asks) }
  }

  private question(instrument: Instrument, when: When) {
    if ("revision" in when) return { revision: when.revision, newest: instrument.revision }
    if ("time" in when) return { time: when.time }
    return { sequence: Number(BigInt(when.sequence) - this.base), newest: instrument.sequence }
  }

  private get updates(): number {
    return this.options.updates ?? 2
  }

  private wait(now: number): number {
    const { bursts } = this.options
    const factor = bursts !== undefined && now % bursts.every < bursts.lasts ? bursts.factor : 1
    return Math.max(1, Math.round(this.random.exponential(1000 / this.updates / factor)))
  }
}
