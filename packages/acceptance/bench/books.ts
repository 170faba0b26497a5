/**
 * Book updates a CPU second: adapters and books of this package beside the book
 * handling of `ccxt.pro` and of `tardis-dev`, on the same recorded sessions, from
 * the raw frame to the changed book. Each recording is copied under other names
 * until there are 200 symbols. In the end all three have the same books.
 *
 *   node packages/acceptance/bench/books.ts [rounds] [part of a session's name]
 *
 * `KHARBRANTH_CAPTURES` names the folder of recordings.
 */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Book from "@kharbranth/feeds/Book"
import * as Topic from "@kharbranth/feeds/Topic"
import type { Venue } from "@kharbranth/feeds/Venue"
import * as Bybit from "@kharbranth/feeds/venues/Bybit"
import * as Okx from "@kharbranth/feeds/venues/Okx"
import * as Sequencer from "@kharbranth/feeds/Sequencer"
import * as Captures from "../../feeds/test/support/captures.ts"

type Side = ReadonlyArray<readonly [price: number, size: number]>

/** One client with its books. */
interface Keeper {
  readonly take: (frame: string) => void
  /** The best ten levels of a symbol. */
  readonly top: (symbol: string) => { readonly bids: Side; readonly asks: Side }
}

interface Session {
  readonly name: string
  readonly file: string
  /** How this package names a symbol's book on the wire, and how the recording does. */
  readonly venue: () => Venue
  /** The frames that are of books, in the form that all clients know. */
  readonly frame: (raw: string) => string | undefined
  readonly ccxt: {
    readonly id: string
    readonly url: string
    readonly market: object
    /** Default: it checks what the venue sends. */
    readonly checksum?: boolean
  }
  readonly tardis: string
}

/** `tardis-dev` knows 50 levels of Bybit's books by now; the recordings have 200. */
const ofBybit = (raw: string): string | undefined =>
  raw.includes('"topic":"orderbook.200.') ? raw.replace("orderbook.200.", "orderbook.50.") : undefined

const linear = { type: "swap", swap: true, contract: true, linear: true, settle: "USDT", settleId: "USDT" }

const okx = {
  file: "okx-v5/books-checksums-2022.ndjson",
  frame: (raw: string) => (raw.includes('"channel":"books"') && raw.includes('"action"') ? raw : undefined),
  ccxt: { id: "okx", url: "wss://ws.okx.com:8443/ws/v5/public", market: { ...linear, type: "swap" } },
  tardis: "okex-swap"
}

const sessions: ReadonlyArray<Session> = [
  {
    name: "Bybit linear",
    file: "bybit-v5/linear-btc-eth.ndjson.gz",
    venue: () => Bybit.make({ category: "linear", depth: 50 }),
    frame: ofBybit,
    ccxt: { id: "bybit", url: "wss://stream.bybit.com/v5/public/linear", market: linear },
    tardis: "bybit"
  },
  {
    name: "Bybit spot",
    file: "bybit-v5/spot-btc.ndjson",
    venue: () => Bybit.make({ depth: 50 }),
    frame: ofBybit,
    ccxt: { id: "bybit", url: "wss://stream.bybit.com/v5/public/spot", market: { type: "spot", spot: true } },
    tardis: "bybit-spot"
  },
  { ...okx, name: "OKX, with checksums", venue: () => Okx.make({ proof: "checksum" }) },
  {
    ...okx,
    name: "OKX, checksums unchecked",
    venue: () => ({ ...Okx.make(), continuity: { sequencer: Sequencer.make("none", "resubscribe") } }),
    ccxt: { ...okx.ccxt, checksum: false }
  }
]

const wanted = 200

const symbolIn = (frame: string): string => /"(?:s|instId)":"([^"]+)"/.exec(frame)?.[1] ?? ""

/** A recording under other names: each symbol so often that there are 200, all of them side by side. */
const spread = ({ file, frame }: Session) => {
  const frames = Captures.read(file).flatMap(({ data, t }) => (t === "recv" ? (frame(data) ?? []) : []))
  const names = [...new Set(frames.map(symbolIn))]
  const copies = Array.from({ length: wanted / names.length }, (_, index) => `C${index}`)
  return {
    symbols: names.flatMap((name) => copies.map((copy) => copy + name)),
    frames: frames.flatMap((raw) => {
      const name = symbolIn(raw)
      return copies.map((copy) => raw.replaceAll(name, copy + name))
    })
  }
}

// ------------------------------------------------------------------- the clients

const ours = (session: Session, symbols: ReadonlyArray<string>): Keeper => {
  const venue = session.venue()
  const wire = venue.wire()
  const kept = new Map(
    symbols.map((symbol) => {
      const topic = Topic.book(symbol)
      return [venue.key(topic), { topic, book: Book.make(venue.continuity) }] as const
    })
  )
  const take = (frame: string): void => {
    const kind = venue.classify(frame, wire)
    if (kind._tag !== "Data") return
    for (const key of kind.keys) {
      const found = kept.get(key)
      if (found === undefined) continue
      const events = venue.decode(frame, found.topic, 0)
      if (Result.isFailure(events)) throw new Error(events.failure.message)
      for (const event of events.success) if (event._tag === "BookUpdate") Book.apply(found.book, event)
    }
  }
  const side = (levels: ReadonlyArray<Book.Level>): Side => levels.map(({ price, size }) => [price, size])
  return {
    take,
    top: (symbol) => {
      const book = kept.get(venue.key(Topic.book(symbol)))!.book
      const { asks, bids } = Option.getOrThrow(Book.depth(book, 10))
      return { bids: side(bids), asks: side(asks) }
    }
  }
}

/** What of ccxt is used here. Its own types are megabytes. */
interface Exchange {
  readonly safeMarketStructure: (market: object) => object
  readonly setMarkets: (markets: ReadonlyArray<object>) => void
  readonly loadHttpProxyAgent: () => Promise<void>
  readonly client: (url: string) => { readonly onMessage: (event: { readonly data: string }) => void }
  readonly handleSubscriptionStatus: (client: object, message: object) => void
  readonly orderbooks: Readonly<Record<string, { readonly bids: Side; readonly asks: Side }>>
}

const load = async <A>(library: string): Promise<A> => ((await import(library)) as { readonly default: A }).default
const ccxt = await load<{ readonly pro: Readonly<Record<string, new (options: object) => Exchange>> }>("ccxt")

const ccxtOf = async (
  { ccxt: { checksum = true, id, market, url } }: Session,
  symbols: ReadonlyArray<string>
): Promise<Keeper> => {
  const exchange = new ccxt.pro[id]!({ newUpdates: true, options: { watchOrderBook: { checksum } } })
  exchange.setMarkets(
    symbols.map((symbol) =>
      exchange.safeMarketStructure({
        ...{ id: symbol, lowercaseId: symbol.toLowerCase(), symbol, base: symbol, quote: "USDT", active: true },
        ...{ precision: { price: 1e-8, amount: 1e-8 }, ...market }
      })
    )
  )
  await exchange.loadHttpProxyAgent()
  const client = exchange.client(url)
  const book = (symbol: string) => exchange.orderbooks[symbol]!
  const side = (levels: Side): Side => levels.slice(0, 10).map(([price, size]) => [price, size])
  return {
    take: (data) => client.onMessage({ data }),
    top: (symbol) => ({ bids: side(book(symbol).bids), asks: side(book(symbol).asks) })
  }
}

interface Change {
  readonly symbol: string
}

interface TardisBook {
  readonly update: (change: Change) => void
  readonly bids: () => Iterable<{ readonly price: number; readonly amount: number }>
  readonly asks: TardisBook["bids"]
}

interface Mapper {
  readonly canHandle: (message: unknown) => boolean
  readonly map: (message: unknown, at: Date) => Iterable<Change>
}

const tardis = await load<{
  readonly normalizeBookChanges: (exchange: string, at: Date) => Mapper
  readonly OrderBook: new () => TardisBook
}>("tardis-dev")

const tardisOf = (session: Session, symbols: ReadonlyArray<string>): Keeper => {
  const at = new Date()
  const mapper = tardis.normalizeBookChanges(session.tardis, at)
  const books = new Map(symbols.map((symbol) => [symbol, new tardis.OrderBook()]))
  const side = (levels: ReturnType<TardisBook["bids"]>): Side =>
    [...levels].slice(0, 10).map(({ amount, price }) => [price, amount])
  return {
    take: (frame) => {
      const message: unknown = JSON.parse(frame)
      if (!mapper.canHandle(message)) return
      for (const change of mapper.map(message, at)) books.get(change.symbol)?.update(change)
    },
    top: (symbol) => ({ bids: side(books.get(symbol)!.bids()), asks: side(books.get(symbol)!.asks()) })
  }
}

// --------------------------------------------------------------------- measuring

/** Microseconds of CPU that a client takes for all frames. */
const cost = ({ take }: Keeper, frames: ReadonlyArray<string>): number => {
  const before = process.cpuUsage()
  for (const frame of frames) take(frame)
  const { system, user } = process.cpuUsage(before)
  return user + system
}

/** The mean of paired ratios and how far it may be off, with 95 % certainty. */
const interval = (ratios: ReadonlyArray<number>): string => {
  const logs = ratios.map(Math.log)
  const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length
  const deviation = Math.sqrt(logs.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (logs.length - 1))
  // Student's t for ten rounds or so.
  const margin = (2.26 * deviation) / Math.sqrt(logs.length)
  const [low, middle, high] = [mean - margin, mean, mean + margin].map((log) => Math.exp(log).toFixed(2))
  return `${middle} (${low} to ${high})`
}

const compare = async (session: Session, rounds: number): Promise<void> => {
  const { frames, symbols } = spread(session)
  const makers = {
    kharbranth: () => Promise.resolve(ours(session, symbols)),
    ccxt: () => ccxtOf(session, symbols),
    tardis: () => Promise.resolve(tardisOf(session, symbols))
  }
  const names = Object.keys(makers) as ReadonlyArray<keyof typeof makers>
  const costs: Record<keyof typeof makers, Array<number>> = { kharbranth: [], ccxt: [], tardis: [] }
  for (let round = -2; round < rounds; round++) {
    const tops = new Map<string, string>()
    // Each round begins with another client.
    for (const name of names.map((_, index) => names[(index + round + 3) % names.length]!)) {
      const keeper = await makers[name]()
      const spent = cost(keeper, frames)
      if (round >= 0) costs[name].push(spent)
      tops.set(name, JSON.stringify(symbols.map(keeper.top)))
    }
    for (const name of names) {
      if (tops.get(name) !== tops.get("kharbranth")) throw new Error(`${session.name}: ${name} has other books`)
    }
  }
  process.stdout.write(`${session.name}: ${frames.length} frames of ${symbols.length} symbols, ${rounds} rounds\n`)
  for (const name of names) {
    const mean = costs[name].reduce((sum, one) => sum + one, 0) / rounds
    const ratio = interval(costs[name].map((one, round) => one / costs.kharbranth[round]!))
    const beside = name === "kharbranth" ? "" : `, kharbranth ${ratio} times as many`
    process.stdout.write(`  ${name}: ${Math.round((frames.length * 1e3) / mean)}k updates a CPU second${beside}\n`)
  }
}

if (!Captures.present)
  throw new Error(`No recordings in ${Captures.folder}: name their folder with KHARBRANTH_CAPTURES.`)
const rounds = Number(process.argv[2] ?? 10)
const only = process.argv[3] ?? ""
for (const session of sessions) if (session.name.includes(only)) await compare(session, rounds)
process.exit(0)
