/**
 * `tardis-dev` against simulators: its real-time feeds dial an address from the
 * environment, its mappers normalise the frames, its `OrderBook` keeps the books.
 */
import * as Effect from "effect/Effect"
import type * as Simulator from "@kharbranth/feeds/simulator/Simulator"
import type * as SimulatorServer from "@kharbranth/feeds/simulator/SimulatorServer"
import * as Simulated from "./simulated.ts"

interface Level {
  readonly price: number
  readonly amount: number
}

interface Message {
  readonly type: "trade" | "book_change" | "disconnect"
  readonly symbol: string
  readonly timestamp: Date
}

interface OrderBook {
  readonly update: (change: Message) => void
  readonly bids: () => Iterable<Level>
  readonly asks: () => Iterable<Level>
}

/** What of the library is used here. */
interface Tardis {
  readonly streamNormalized: (options: object, ...normalizers: ReadonlyArray<unknown>) => AsyncIterableIterator<Message>
  readonly normalizeTrades: unknown
  readonly normalizeBookChanges: unknown
  readonly OrderBook: new () => OrderBook
}

interface Exchange {
  readonly venue: Simulator.VenueId
  readonly url: string
  /** OKX's trades come over a socket for businesses, which asks for a login. */
  readonly kinds: ReadonlyArray<"trade" | "book_change">
}

const both = ["trade", "book_change"] as const

/** By the names that tardis has for them. */
export const exchanges: Readonly<Record<string, Exchange>> = {
  "bybit-spot": { venue: "bybit", url: "wss://stream.bybit.com/v5/public/spot", kinds: both },
  "okex": { venue: "okx", url: "wss://ws.okx.com:8443/ws/v5/public", kinds: ["book_change"] },
  "deribit": { venue: "deribit", url: "wss://streams.deribit.com/ws/api/v2", kinds: both },
  "hyperliquid": { venue: "hyperliquid", url: "wss://api.hyperliquid.xyz/ws", kinds: both }
}

const library = "tardis-dev"
const tardis = ((await import(library)) as { readonly default: Tardis }).default

const pairs = (levels: Iterable<Level>): Simulated.Side => {
  const found: Array<readonly [number, number]> = []
  for (const { amount, price } of levels) {
    if (found.push([price, amount]) === 10) break
  }
  return found
}

const watch = async (served: SimulatorServer.ServedVenue, exchange: string): Promise<Simulated.Report> => {
  const report = Simulated.newReport()
  process.env[`WSS_URL_${exchange.toUpperCase().replaceAll("-", "_")}`] = served.rewrite(exchanges[exchange]!.url)
  const messages = tardis.streamNormalized(
    {
      exchange,
      symbols: served.simulator.symbols,
      withDisconnectMessages: true,
      onError: (cause: unknown) => void report.errors.push(String(cause).slice(0, 300))
    },
    ...exchanges[exchange]!.kinds.map((kind) =>
      kind === "trade" ? tardis.normalizeTrades : tardis.normalizeBookChanges
    )
  )
  const books = new Map(served.simulator.symbols.map((symbol) => [symbol, new tardis.OrderBook()]))
  const until = Date.now() + Simulated.seconds * 1000
  for await (const message of messages) {
    Simulated.noted(report, message.type)
    if (message.type === "disconnect") report.errors.push("disconnect")
    const book = books.get(message.symbol)
    if (message.type === "book_change" && book !== undefined) {
      book.update(message)
      const kept = { bids: pairs(book.bids()), asks: pairs(book.asks()) }
      Simulated.compare(report, served, message.symbol, kept, { time: message.timestamp.getTime() })
    }
    if (Date.now() > until) break
  }
  report.endedAt = Date.now()
  return report
}

/** Lets tardis watch a simulated venue for the time of the test. */
export const run = (exchange: string): Promise<Simulated.Watched> =>
  Simulated.run(
    Effect.gen(function* () {
      const served = yield* Simulated.serve(exchanges[exchange]!.venue)
      const report = yield* Effect.promise(() => watch(served, exchange))
      return { report, simulator: served.simulator }
    })
  )
