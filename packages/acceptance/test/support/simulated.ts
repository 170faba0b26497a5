/**
 * What all clients are held to: how long they watch, and whether the books that
 * they keep are the simulator's. Nothing here knows a client.
 */
import { assert, beforeAll, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Ledger from "@kharbranth/feeds/simulator/Ledger"
import type * as Simulator from "@kharbranth/feeds/simulator/Simulator"
import * as SimulatorServer from "@kharbranth/feeds/simulator/SimulatorServer"
import type * as VenueFault from "@kharbranth/feeds/simulator/VenueFault"

/** How long each client watches. Default: 20 seconds; the full acceptance takes 300. */
export const seconds: number = Number(process.env["KHARBRANTH_ACCEPTANCE_SECONDS"] ?? 20)

export const seed: number = Number(process.env["KHARBRANTH_SEED"] ?? 20261128)

// Fewer levels than the smallest snapshot over HTTP: what a snapshot cuts off, no client can know later.
const market = { assets: 3, updates: 5, trades: 5, levels: 60 }

export const serve = (
  venue: Simulator.VenueId,
  faults: VenueFault.Script = []
): Effect.Effect<SimulatorServer.ServedVenue, never, Scope.Scope> =>
  Effect.orDie(SimulatorServer.serve(venue, { seed, market, faults }))

/** Base and quote of a symbol, as a venue spells it. */
export const partsOf = (symbol: string): readonly [base: string, quote: string] => {
  const [, base = "", quote = ""] = /^t?(.+?)[-/:]?(USDT|USD)$/.exec(symbol) ?? []
  return [base, quote]
}

export interface Side extends ReadonlyArray<readonly [price: number, size: number]> {}

export interface Kept {
  readonly bids: Side
  readonly asks: Side
}

/** What a client's books were, and what went wrong. */
export interface Report {
  /** How often each kind of news came. */
  readonly news: Map<string, number>
  /** When each kind came last. */
  readonly latest: Map<string, number>
  /** When the watch ended. */
  endedAt: number
  /** Books that were the simulator's at the moment that they name. */
  right: number
  /** Books that name no moment to compare them at. */
  undated: number
  readonly wrong: Array<string>
  readonly errors: Array<string>
  /** The symbols whose book was right at least once. */
  readonly symbols: Set<string>
}

export const newReport = (): Report => ({
  news: new Map(),
  latest: new Map(),
  endedAt: 0,
  right: 0,
  undated: 0,
  wrong: [],
  errors: [],
  symbols: new Set()
})

export const noted = (report: Report, kind: string): void => {
  report.news.set(kind, (report.news.get(kind) ?? 0) + 1)
  report.latest.set(kind, Date.now())
}

const depth = 10

const sideShown = (side: Side): string =>
  side
    .slice(0, depth)
    .map(([price, size]) => `${price}@${size}`)
    .join(" ")

/** The top of a book as text. */
const shown = ({ asks, bids }: Kept): string => `${sideShown(bids)} | ${sideShown(asks)}`

const numbers = (side: ReadonlyArray<readonly [string, string]>): Side =>
  side.map(([price, size]) => [Number(price), Number(size)])

const truthShown = ({ asks, bids }: Ledger.TrueBook): string => shown({ bids: numbers(bids), asks: numbers(asks) })

/** Compares a client's book with the simulator's at a step. */
export const compare = (
  report: Report,
  { simulator }: SimulatorServer.ServedVenue,
  symbol: string,
  kept: Kept,
  when: Simulator.When | undefined
): void => {
  const truth = when === undefined ? undefined : simulator.book(symbol, when, depth)
  if (truth === undefined) {
    report.undated++
    return
  }
  const [mine, right] = [shown(kept), truthShown(truth)]
  if (mine === right) {
    report.right++
    report.symbols.add(symbol)
  } else report.wrong.push(`${symbol} ${JSON.stringify(when)}: ${mine} is not ${right}`)
}

/** Whether a book is one of the simulator's last few: for frames that carry no moment. */
export const isRecent = ({ simulator }: SimulatorServer.ServedVenue, symbol: string, kept: Kept): boolean => {
  const newest = simulator.book(symbol, undefined, depth)?.revision ?? 0
  const mine = shown(kept)
  for (let revision = newest; revision > newest - 10; revision--) {
    const truth = simulator.book(symbol, { revision }, depth)
    if (truth !== undefined && mine === truthShown(truth)) return true
  }
  return false
}

/** A book as a user of a client without books keeps it: levels by their price. */
export class Levels implements Kept {
  private readonly sides = { bids: new Map<number, number>(), asks: new Map<number, number>() }

  clear(): void {
    this.sides.bids.clear()
    this.sides.asks.clear()
  }

  apply(side: "bids" | "asks", levels: ReadonlyArray<ReadonlyArray<string | number>>): void {
    for (const [price, size] of levels) {
      if (Number(size) === 0) this.sides[side].delete(Number(price))
      else this.sides[side].set(Number(price), Number(size))
    }
  }

  get bids(): Side {
    return [...this.sides.bids].toSorted(([a], [b]) => b - a)
  }

  get asks(): Side {
    return [...this.sides.asks].toSorted(([a], [b]) => a - b)
  }
}

/** A client's report with the simulator that it watched. */
export interface Watched {
  readonly report: Report
  readonly simulator: Simulator.Simulator
}

/** How long a test may wait for its client, in milliseconds. */
export const patience: number = (seconds + 60) * 1000

/** Demands that a client saw no error, broke no rule, and had the right book of each symbol. */
const judge = (
  name: string,
  { report, simulator }: Watched,
  kinds: ReadonlyArray<string> = ["trades", "ticker", "book"]
): void => {
  assert.deepStrictEqual(report.errors.slice(0, 5), [])
  assert.deepStrictEqual(report.wrong.slice(0, 3), [], `${report.wrong.length} wrong books`)
  assert.deepStrictEqual(simulator.ledger.violations.slice(0, 3), [])
  assert.deepStrictEqual([...report.symbols].toSorted(), simulator.symbols.toSorted())
  for (const kind of kinds) {
    // The slowest feed sends each book every 5.4 seconds.
    assert.isAbove(report.latest.get(kind) ?? 0, report.endedAt - 8000, `${kind} stopped coming`)
  }
  const news = JSON.stringify(Object.fromEntries(report.news))
  const { dials, sent } = simulator.ledger.counts
  process.stdout.write(
    `${name}: ${report.right} books right, ${report.undated} without a moment, ${news}, ${dials} dials, ${sent} frames\n`
  )
}

/** One test for each name: its client connects, stays, sees no error and keeps the right books. */
export const accepts = <Name extends string>(
  names: ReadonlyArray<Name>,
  run: (name: Name) => Promise<Watched>,
  kindsOf?: (name: Name) => ReadonlyArray<string>
): void => {
  const runs = new Map<Name, Promise<Watched>>()
  // All at once: the time is what costs.
  beforeAll(() => {
    for (const name of names) runs.set(name, run(name))
  })

  for (const name of names) {
    it(
      `${name}: connects, stays, sees no error, keeps the right books`,
      async () => judge(name, await runs.get(name)!, kindsOf?.(name)),
      patience
    )
  }
}

export const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** Runs a program with a scope of its own. */
export const run = <A>(program: Effect.Effect<A, never, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(program))
