/**
 * One day of two hundred symbols at five simulated venues, in virtual time: the
 * feed keeps every book, the venues enforce their rules and misbehave by a script
 * drawn from the seed. What comes out is counted, and compared with what the
 * venues know to be right.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as Book from "../../src/Book.ts"
import * as Feed from "../../src/Feed.ts"
import * as Rest from "../../src/Rest.ts"
import type * as Simulator from "../../src/simulator/Simulator.ts"
import * as SimulatorNetwork from "../../src/simulator/SimulatorNetwork.ts"
import type * as VenueFault from "../../src/simulator/VenueFault.ts"
import * as Topic from "../../src/Topic.ts"
import type { Venue } from "../../src/Venue.ts"
import * as BinanceSpot from "../../src/venues/BinanceSpot.ts"
import * as Coinbase from "../../src/venues/Coinbase.ts"
import * as Kraken from "../../src/venues/Kraken.ts"
import * as Kucoin from "../../src/venues/Kucoin.ts"
import * as Okx from "../../src/venues/Okx.ts"
import { heapUsed } from "../support/heap.ts"
import * as Naive from "../support/naive.ts"
import { TradeIds, tradeIdsOf } from "../support/tradeIds.ts"
import * as Truth from "../support/truth.ts"

export const minute = 60_000
export const hour = 60 * minute

export interface Plan {
  readonly seed: number
  readonly hours: number
  readonly symbols: number
  readonly faults: (venue: string) => VenueFault.Script
}

/** Counts of a day, over all venues. */
export interface Day {
  readonly seed: number
  /** Books that were believed when somebody looked, and equal to the venue's, or not. */
  right: number
  readonly wrong: Array<string>
  /** Books that were not believed then. */
  unsure: number
  /** Books that were right once and are believed, although the venue went on long ago. */
  readonly late: Array<string>
  /** Trades that are missing where no marker stands, and those that a marker announces. */
  unmarked: number
  marked: number
  trades: number
  readonly violations: Array<string>
  bans: number
  dials: number
  injected: number
  frames: number
  /** The most bytes of heap after a third of the day, and at its end. */
  heap: readonly [number, number]
}

/** The venue is behind a quiet market here, so that a topic without data for long is none that was lost. */
const quietly = { firstData: "2 hours" } as const

const adapters: Readonly<Record<string, () => Venue>> = {
  "binance-spot": () => BinanceSpot.make({ limits: quietly }),
  "okx": () => Okx.make({ limits: quietly }),
  "coinbase": () => Coinbase.make({ limits: quietly }),
  "kraken": () => Kraken.make({ limits: quietly }),
  "kucoin": () => Kucoin.make({ limits: quietly })
}

export const venueIds = Object.keys(adapters) as ReadonlyArray<Simulator.VenueId>

/** Two venues beat once a second, which would be most frames of a day and most of its cost. They beat as seldom as their clients bear. */
const beats: Readonly<Record<string, number>> = { coinbase: 8_000, kraken: 20_000 }

/** How long a venue's silence may stay unnoticed: its slowest heartbeat, and a new session. */
const bound = 3 * minute

const levelOf = ({ priceText, sizeText }: Book.Level) => [priceText, sizeText] as const

const audit = (day: Day, simulator: Simulator.Simulator, believed: Naive.Believed, now: number): void => {
  const { symbol } = believed
  const truth = Truth.truthOf(simulator, believed)
  const at = `${simulator.venue} ${symbol} after ${Math.round(now / minute)} min`
  if (truth === undefined || !Truth.same(truth, believed)) {
    day.wrong.push(`${at}: ${Truth.text(believed)} instead of ${truth && Truth.text(truth)}`)
    return
  }
  day.right++
  const older = simulator.book(symbol, { time: now - bound }, Truth.depth)
  if (older === undefined || truth.revision >= older.revision) return
  // A step beyond the levels that the venue sends is none for its clients.
  if (Truth.same(older, believed)) return
  if (!isSpoiled(simulator, symbol, truth.revision, older.revision))
    day.late.push(
      `${at}: at step ${truth.revision}, but step ${older.revision} was ${Math.round((now - older.at) / minute)} min ago`
    )
}

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "")

/** Whether the venue sent nothing right of the steps between the two: it spoiled them, or they are beyond its levels. */
const isSpoiled = (simulator: Simulator.Simulator, symbol: string, after: number, last: number): boolean => {
  const own = simulator.ledger.injected.filter(
    ({ topic }) => topic !== undefined && plain(topic).includes(plain(symbol))
  )
  const spoiled = new Set(own.map(({ revision }) => revision))
  const isUnseen = (step: number): boolean => {
    const [before, then] = [step - 1, step].map((revision) => simulator.book(symbol, { revision }, Truth.depth))
    return before !== undefined && then !== undefined && Truth.same(before, then)
  }
  return Array.from({ length: last - after }, (_, index) => after + 1 + index).every(
    (step) => spoiled.has(step) || isUnseen(step)
  )
}

interface Served {
  readonly id: Simulator.VenueId
  readonly simulator: Simulator.Simulator
}

/** The venues in a network of their own, and how they are asked over HTTP. */
const serve = (plan: Plan) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: plan.seed, latency: 20 })
    const requests = new Map<string, SimulatorNetwork.SimulatedVenue["request"]>()
    const served: Array<Served> = []
    for (const id of venueIds) {
      const { request, simulator } = yield* SimulatorNetwork.serve(network, id, {
        seed: plan.seed,
        history: 120,
        numbers: { ...(id in beats && { beat: beats[id] }) },
        market: {
          assets: plan.symbols,
          updates: 1 / 300,
          trades: 1 / 600,
          levels: 40,
          bursts: { every: 2 * hour, lasts: minute, factor: 5 }
        },
        faults: plan.faults(id)
      })
      for (const host of simulator.hosts) requests.set(host, request)
      served.push({ id, simulator })
    }
    const fetch: Rest.Fetch = ({ method, url }) => {
      const request = requests.get(new URL(url).host)
      if (request === undefined) return Effect.die(new Error(`nobody answers ${url}`))
      return Effect.map(request(method, url), ({ body, headers, status }) => ({
        status,
        body,
        retryAfter: headers["retry-after"]
      }))
    }
    return { network, served, fetch }
  })

const start = (plan: Plan): Day => ({
  seed: plan.seed,
  right: 0,
  wrong: [],
  unsure: 0,
  late: [],
  unmarked: 0,
  marked: 0,
  trades: 0,
  violations: [],
  bans: 0,
  dials: 0,
  injected: 0,
  frames: 0,
  heap: [0, 0]
})

const finish = (day: Day, served: ReadonlyArray<Served>, trades: ReadonlyArray<TradeIds>): void => {
  for (const { marked, seen, unmarked } of trades) {
    day.trades += seen
    day.marked += marked
    day.unmarked += unmarked
  }
  for (const { simulator } of served) {
    const { counts, injected, violations } = simulator.ledger
    const struck = (tag: string) =>
      new Set(injected.flatMap(({ connection, fault }) => (fault._tag === tag ? [connection] : [])))
    // A connection that is dead both ways cannot keep rules, and nobody answers a ping that the venue held back.
    const dead = struck("HalfOpen")
    const stalled = struck("Stall")
    const isExcused = (connection: number | undefined, rule: string): boolean =>
      connection !== undefined && (dead.has(connection) || (rule === "pong deadline" && stalled.has(connection)))
    for (const { at, connection, detail, rule } of violations)
      if (!isExcused(connection, rule))
        day.violations.push(`${simulator.venue} after ${Math.round(at / minute)} min: ${rule}: ${detail}`)
    day.bans += counts.bans
    day.dials += counts.dials
    day.injected += injected.length
    day.frames += counts.sent
  }
}

/** Looks at the books every so often; the first look comes when all is set up. */
const everySoOften = (plan: Plan, day: Day, look: (now: number) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const step = 7 * minute
    for (let now = step; now < plan.hours * hour; now += step) {
      yield* Effect.sleep(step)
      yield* look(now)
      if (Math.abs(now - (plan.hours * hour) / 3) < step / 2) day.heap = [heapUsed(), 0]
    }
    day.heap = [day.heap[0], heapUsed()]
  })

const ours = (plan: Plan, day: Day): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { fetch, network, served } = yield* serve(plan)
    const feed = yield* Feed.make({ venues: venueIds.map((id) => adapters[id]!()) }).pipe(
      network.provide,
      Effect.provideService(Rest.Fetch, fetch)
    )
    const books: Array<{
      readonly simulator: Simulator.Simulator
      readonly symbol: string
      readonly book: Feed.FeedBook
    }> = []
    const trades: Array<TradeIds> = []
    for (const { id, simulator } of served) {
      for (const [index, symbol] of simulator.symbols.entries()) {
        books.push({ simulator, symbol, book: yield* feed.book(Topic.at(id, Topic.book(symbol))) })
        if (index >= 10) continue
        const own = new TradeIds()
        trades.push(own)
        yield* Effect.forkScoped(
          Stream.runForEach(feed.entries(Topic.at(id, Topic.trades(symbol))), (entry) =>
            Effect.sync(() => {
              if (entry._tag === "Trade") own.see(entry.id)
              else if (entry._tag === "Gap") own.mark()
            })
          )
        )
      }
    }
    yield* everySoOften(plan, day, (now) =>
      Effect.forEach(
        books,
        ({ book, simulator, symbol }) =>
          Effect.map(book.book, (current) => {
            const found = Option.getOrUndefined(Book.depth(current, Truth.depth))
            if (found === undefined) {
              day.unsure++
              return
            }
            const { sequence, venueTime } = current
            const bids = found.bids.map(levelOf)
            const asks = found.asks.map(levelOf)
            audit(day, simulator, { symbol, sequence, venueTime, bids, asks }, now)
          }),
        { discard: true }
      )
    )
    finish(day, served, trades)
  })

const naively = (plan: Plan, day: Day): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { fetch, network, served } = yield* serve(plan)
    const clients: Array<{ readonly simulator: Simulator.Simulator; readonly client: Naive.NaiveClient }> = []
    for (const { id, simulator } of served) {
      const venue = adapters[id]!()
      const topics = simulator.symbols.flatMap((symbol, index) =>
        index < 10 ? [Topic.book(symbol), Topic.trades(symbol)] : [Topic.book(symbol)]
      )
      const client = yield* Naive.run({
        venue,
        topics,
        fetch: (url) =>
          Effect.flatMap(fetch({ method: "GET", url, maxBytes: Infinity }), ({ body, status }) =>
            status === 200 ? Effect.succeed(body) : Effect.fail(status)
          )
      }).pipe(network.provide)
      clients.push({ simulator, client })
    }
    yield* everySoOften(plan, day, (now) =>
      Effect.sync(() => {
        for (const { client, simulator } of clients)
          for (const believed of client.books(Truth.depth)) audit(day, simulator, believed, now)
      })
    )
    finish(
      day,
      served,
      clients.flatMap(({ client }) => [...client.trades.values()].map(tradeIdsOf))
    )
  })

/** A day of a client: ours, or a naive one. */
export const live = async (plan: Plan, client: "ours" | "naive" = "ours"): Promise<Day> => {
  const day = start(plan)
  const program = (client === "ours" ? ours : naively)(plan, day)
  const limit = plan.hours * hour + hour
  const exit = await VirtualTime.run(Effect.provide(Effect.scoped(program), Logger.layer([])), { limit })
  if (Exit.isFailure(exit)) throw new Error(`seed ${plan.seed}: ${String(exit.cause)}`)
  return day
}
