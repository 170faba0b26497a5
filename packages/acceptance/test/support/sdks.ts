/**
 * The venues' own SDKs on npm against simulators: they dial, subscribe, beat and
 * hand on frames. They keep no books, so the books here are kept as their users
 * do it: levels by price, from a snapshot and all updates after it.
 */
import * as Effect from "effect/Effect"
import type * as Simulator from "@kharbranth/feeds/simulator/Simulator"
import type * as SimulatorServer from "@kharbranth/feeds/simulator/SimulatorServer"
import * as Simulated from "./simulated.ts"

/** What of an SDK is used here. */
interface Client {
  readonly on: (event: string, listen: (message: never) => void) => unknown
  readonly subscribe: (topics: unknown, line?: string) => unknown
  readonly subscribeV5: (topics: unknown, category: string) => unknown
  readonly closeAll: (force?: boolean) => unknown
}

type Level = ReadonlyArray<string>

interface News {
  readonly kind: "trades" | "ticker" | "book"
  readonly symbol: string
  /** Of a book: whether it is whole, its levels, and the step that it makes. */
  readonly whole?: boolean
  readonly bids?: ReadonlyArray<Level> | undefined
  readonly asks?: ReadonlyArray<Level> | undefined
  readonly first?: number | undefined
  readonly step?: number | undefined
  /** When the venue made it, where its numbers are not the simulator's. */
  readonly time?: number
}

interface Sdk {
  readonly venue: Simulator.VenueId
  /** The event that brings frames. */
  readonly event: string
  readonly open: (served: SimulatorServer.ServedVenue) => Promise<Client>
  readonly subscribe: (client: Client, symbols: ReadonlyArray<string>) => unknown
  readonly read: (message: never) => ReadonlyArray<News>
  /** Where a whole book comes from, if not from the stream. */
  readonly snapshot?: (symbol: string) => string
}

const quiet = { trace: () => {}, info: () => {}, error: () => {} }

const load = async (library: string, options: object): Promise<Client> => {
  const found = (await import(library)) as { readonly WebsocketClient: new (options: object, logger: object) => Client }
  return new found.WebsocketClient(options, quiet)
}

interface BinanceFrame {
  readonly e?: string
  readonly s?: string
  readonly U?: number
  readonly u?: number
  readonly b?: ReadonlyArray<Level>
  readonly a?: ReadonlyArray<Level>
}

interface BybitFrame {
  readonly topic: string
  readonly type: string
  readonly ts: number
  readonly data: {
    readonly s: string
    readonly b: ReadonlyArray<Level>
    readonly a: ReadonlyArray<Level>
    readonly u: number
  }
}

interface OkxFrame {
  readonly arg: { readonly channel: string; readonly instId: string }
  readonly action?: string
  readonly data: ReadonlyArray<{
    readonly bids: ReadonlyArray<Level>
    readonly asks: ReadonlyArray<Level>
    readonly seqId: number
  }>
}

export const sdks: Readonly<Record<string, Sdk>> = {
  "binance": {
    venue: "binance-spot",
    event: "message",
    open: ({ rewrite }) =>
      load("binance", { wsUrl: rewrite("wss://stream.binance.com:9443/").replace(/\/$/, ""), beautify: false }),
    subscribe: (client, symbols) =>
      client.subscribe(
        symbols.flatMap((symbol) =>
          ["depth@100ms", "trade", "bookTicker"].map((name) => `${symbol.toLowerCase()}@${name}`)
        ),
        "main"
      ),
    // The SDK takes the frames out of their envelope.
    read: ({ U: first, a: asks, b: bids, e: event, s: symbol = "", u: step }: BinanceFrame) =>
      event === "depthUpdate"
        ? [{ kind: "book", symbol, bids, asks, first, step }]
        : [{ kind: event === "trade" ? "trades" : "ticker", symbol }],
    snapshot: (symbol) => `https://api.binance.com/api/v3/depth?symbol=${symbol}&limit=1000`
  },
  "bybit-api": {
    venue: "bybit",
    event: "update",
    open: ({ rewrite }) => load("bybit-api", { market: "v5", wsUrl: rewrite("wss://stream.bybit.com/v5/public/spot") }),
    subscribe: (client, symbols) =>
      client.subscribeV5(
        symbols.flatMap((symbol) => ["orderbook.50", "publicTrade", "tickers"].map((name) => `${name}.${symbol}`)),
        "spot"
      ),
    read: ({ data, topic, ts, type }: BybitFrame) => {
      const symbol = topic.slice(topic.lastIndexOf(".") + 1)
      if (topic.startsWith("orderbook"))
        return [
          { kind: "book", symbol, whole: type === "snapshot", bids: data.b, asks: data.a, step: data.u, time: ts }
        ]
      return [{ kind: topic.startsWith("publicTrade") ? "trades" : "ticker", symbol }]
    }
  },
  "okx-api": {
    venue: "okx",
    event: "update",
    open: ({ rewrite }) => load("okx-api", { wsUrl: rewrite("wss://ws.okx.com:8443/ws/v5/public") }),
    subscribe: (client, symbols) =>
      client.subscribe(
        symbols.flatMap((instId) => ["books", "trades", "tickers"].map((channel) => ({ channel, instId })))
      ),
    read: ({ action, arg, data }: OkxFrame) =>
      data.map((item) =>
        arg.channel === "books"
          ? {
              kind: "book",
              symbol: arg.instId,
              whole: action === "snapshot",
              bids: item.bids,
              asks: item.asks,
              step: item.seqId
            }
          : { kind: arg.channel === "trades" ? "trades" : "ticker", symbol: arg.instId }
      )
  }
}

interface Rest {
  readonly lastUpdateId: number
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
}

/** Books of a user: levels by price, and the step that they are at. Updates wait for the first whole book. */
class Books {
  private readonly books = new Map<string, { readonly levels: Simulated.Levels; at: number }>()
  private readonly waiting: Array<News> = []

  load(symbol: string, bids: ReadonlyArray<Level>, asks: ReadonlyArray<Level>, at: number): void {
    const levels = new Simulated.Levels()
    levels.apply("bids", bids)
    levels.apply("asks", asks)
    this.books.set(symbol, { levels, at })
    for (const news of this.waiting) if (news.symbol === symbol) this.update(news)
  }

  /** Takes an update; gives the levels after it where there is a whole book under it. */
  update(news: News): Simulated.Kept | undefined {
    const { asks = [], bids = [], first, step = 0, symbol, whole } = news
    if (whole === true) this.load(symbol, [], [], 0)
    const book = this.books.get(symbol)
    if (book === undefined) this.waiting.push(news)
    if (book === undefined || (step <= book.at && whole !== true)) return undefined
    if (first !== undefined && first > book.at + 1) throw new Error(`${symbol}: ${first} does not follow ${book.at}`)
    book.levels.apply("bids", bids)
    book.levels.apply("asks", asks)
    book.at = step
    return book.levels
  }
}

const watch = async (served: SimulatorServer.ServedVenue, sdk: Sdk): Promise<Simulated.Report> => {
  const report = Simulated.newReport()
  const books = new Books()
  const { symbols } = served.simulator
  const client = await sdk.open(served)
  let isOver = false
  const failed = (kind: string) => (cause: unknown) => {
    if (!isOver)
      report.errors.push(
        `${kind}: ${JSON.stringify(cause, (_, value: unknown) => (value instanceof Error ? String(value) : value))?.slice(0, 300)}`
      )
  }
  for (const event of ["exception", "error", "reconnect", "reconnecting", "close"]) client.on(event, failed(event))
  client.on(sdk.event, (message) => {
    try {
      for (const news of sdk.read(message)) {
        Simulated.noted(report, news.kind)
        const kept = news.kind === "book" ? books.update(news) : undefined
        const when = news.time === undefined ? { sequence: news.step ?? 0 } : { time: news.time }
        if (kept !== undefined) Simulated.compare(report, served, news.symbol, kept, when)
      }
    } catch (cause) {
      failed("frame")(String(cause))
    }
  })
  await sdk.subscribe(client, symbols)
  await Simulated.pause(2000)
  for (const symbol of sdk.snapshot === undefined ? [] : symbols) {
    const answer = await fetch(served.rewrite(sdk.snapshot!(symbol)))
    const { asks, bids, lastUpdateId } = (await answer.json()) as Rest
    books.load(symbol, bids, asks, lastUpdateId)
  }
  await Simulated.pause(Simulated.seconds * 1000)
  isOver = true
  report.endedAt = Date.now()
  await client.closeAll(true)
  return report
}

/** Lets an SDK watch its simulated venue for the time of the test. */
export const run = (name: string): Promise<Simulated.Watched> =>
  Simulated.run(
    Effect.gen(function* () {
      const sdk = sdks[name]!
      const served = yield* Simulated.serve(sdk.venue)
      const report = yield* Effect.promise(() => watch(served, sdk))
      return { report, simulator: served.simulator }
    })
  )
