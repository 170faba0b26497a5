/**
 * `ccxt.pro` against a simulator: the user's loops of `watchTrades`, `watchTicker`
 * and `watchOrderBook`, with every address of the exchange on this machine.
 */
import * as Effect from "effect/Effect"
import type * as Simulator from "@kharbranth/feeds/simulator/Simulator"
import type * as SimulatorServer from "@kharbranth/feeds/simulator/SimulatorServer"
import type * as VenueFault from "@kharbranth/feeds/simulator/VenueFault"
import * as Simulated from "./simulated.ts"

interface OrderBook extends Simulated.Kept {
  readonly nonce: number | undefined
  readonly timestamp: number | undefined
}

/** What of an exchange of ccxt is used here. Its own types are megabytes. */
interface Exchange {
  readonly hostname: string | undefined
  readonly urls: { api: unknown }
  readonly safeMarketStructure: (market: object) => { readonly symbol: string }
  readonly setMarkets: (markets: ReadonlyArray<object>) => void
  readonly loadHttpProxyAgent: () => Promise<void>
  readonly watchTrades: (symbol: string) => Promise<unknown>
  readonly watchTicker: (symbol: string) => Promise<unknown>
  readonly watchOrderBook: (symbol: string) => Promise<OrderBook>
  readonly close: () => Promise<unknown>
}

const library = "ccxt"
const { default: ccxt } = (await import(library)) as {
  readonly default: { readonly pro: Readonly<Record<string, new (options: object) => Exchange>> }
}

/** What differs between the venues: ccxt's name, and how a book names its moment. */
interface Ways {
  readonly id: string
  readonly when: "sequence" | "time" | "checksum"
  /** Whether ccxt's check of checksums runs. Kraken's cannot in this version: it splits numbers as if they were text. */
  readonly checksum: boolean
}

export const venues: Readonly<Partial<Record<Simulator.VenueId, Ways>>> = {
  "binance-spot": { id: "binance", when: "sequence", checksum: true },
  "bybit": { id: "bybit", when: "time", checksum: true },
  "okx": { id: "okx", when: "sequence", checksum: true },
  "coinbase": { id: "coinbase", when: "time", checksum: true },
  "kraken": { id: "kraken", when: "time", checksum: false },
  "kucoin": { id: "kucoin", when: "sequence", checksum: true },
  "bitfinex": { id: "bitfinex", when: "checksum", checksum: true }
}

/** Moves every address of a tree of addresses to the simulator. */
const moved = (value: unknown, { rewrite }: SimulatorServer.ServedVenue, hostname: string): unknown => {
  if (typeof value === "string") return rewrite(value.replace("{hostname}", hostname))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, moved(part, { rewrite } as SimulatorServer.ServedVenue, hostname)])
  )
}

const marketOf = (exchange: Exchange, id: string) => {
  const [base, quote] = Simulated.partsOf(id)
  const precision = { price: 1e-8, amount: 1e-8 }
  const ids = { id, lowercaseId: id.toLowerCase(), baseId: base, quoteId: quote, info: { wsname: id } }
  return exchange.safeMarketStructure({
    ...ids,
    ...{ symbol: `${base}/${quote}`, base, quote, type: "spot", spot: true, active: true, precision }
  })
}

const open = async (served: SimulatorServer.ServedVenue, { checksum, id }: Ways) => {
  const make = ccxt.pro[id]!
  const exchange = new make({ newUpdates: true, options: { watchOrderBook: { checksum } } })
  exchange.urls.api = moved(exchange.urls.api, served, exchange.hostname ?? "")
  const markets = served.simulator.symbols.map((symbol) => marketOf(exchange, symbol))
  exchange.setMarkets(markets)
  await exchange.loadHttpProxyAgent()
  return { exchange, markets }
}

const watch = async (served: SimulatorServer.ServedVenue, ways: Ways, seconds: number): Promise<Simulated.Report> => {
  const { when } = ways
  const report = Simulated.newReport()
  const { exchange, markets } = await open(served, ways)
  let isOver = false
  const loop = async (kind: string, step: () => Promise<void>): Promise<void> => {
    while (!isOver) {
      try {
        await step()
        Simulated.noted(report, kind)
      } catch (cause) {
        // Closing ends each loop by an error.
        if (isOver) return
        report.errors.push(`${kind}: ${String(cause).slice(0, 300)}`)
        await Simulated.pause(500)
      }
    }
  }
  const book = async (symbol: string, id: string): Promise<void> => {
    const found = await exchange.watchOrderBook(symbol)
    // This venue sends a step level by level, so most moments are between two steps.
    if (when === "checksum") {
      if (!Simulated.isRecent(served, id, found)) return void report.undated++
      report.right++
      report.symbols.add(id)
      return
    }
    const moment = when === "sequence" ? found.nonce : found.timestamp
    const step = moment === undefined ? undefined : when === "sequence" ? { sequence: moment } : { time: moment }
    Simulated.compare(report, served, id, found, step)
  }
  const loops: Array<Promise<void>> = []
  for (const [index, { symbol }] of markets.entries()) {
    loops.push(
      loop("trades", () => exchange.watchTrades(symbol).then(() => {})),
      loop("ticker", () => exchange.watchTicker(symbol).then(() => {})),
      loop("book", () => book(symbol, served.simulator.symbols[index] ?? ""))
    )
    // A user who subscribes to everything at once breaks Coinbase's rule of eight messages a second, and
    // what is asked before the socket is open is sent at once.
    while (report.news.size === 0 && report.errors.length === 0) await Simulated.pause(50)
    await Simulated.pause(1000)
  }
  await Simulated.pause(seconds * 1000)
  isOver = true
  report.endedAt = Date.now()
  await exchange.close().catch(() => {})
  await Promise.all(loops)
  return report
}

/** Lets ccxt watch a simulated venue for the time of the test. */
export const run = (
  venue: Simulator.VenueId,
  faults: VenueFault.Script = [],
  seconds = Simulated.seconds
): Promise<Simulated.Watched> =>
  Simulated.run(
    Effect.gen(function* () {
      const served = yield* Simulated.serve(venue, faults)
      const report = yield* Effect.promise(() => watch(served, venues[venue]!, seconds))
      return { report, simulator: served.simulator }
    })
  )
