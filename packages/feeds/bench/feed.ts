/**
 * Frames a CPU second through a whole feed, beside a client that parses every
 * frame: trades that are held and not read, nine in ten of them, read and decoded,
 * checked by a schema on top, and books. Frames are made up, in Bybit's dialect;
 * they come in bursts of 100 over a transport in memory. Each rate stands with how
 * many times that of the parsing client it is.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Receiver, Transport } from "kharbranth/Transport"
import * as Feed from "../src/Feed.ts"
import * as FeedSchema from "../src/FeedSchema.ts"
import * as Topic from "../src/Topic.ts"
import { Market } from "../test/support/market.ts"
import { dialects } from "../test/support/venues.ts"

const symbols = Array.from({ length: 20 }, (_, index) => `COIN${index}USDT`)
const burst = 100
const bursts = 1_000

const dialect = dialects.bybit()
const texts = (frame: (symbol: string, index: number) => unknown): ReadonlyArray<string> =>
  Array.from({ length: burst * bursts }, (_, index) => String(frame(symbols[index % symbols.length]!, index)))

const market = new Market(1)
const trades = texts((symbol, at) => dialect.trade(symbol, market.trade(at)))
const markets = new Map(symbols.map((symbol, index) => [symbol, new Market(index)]))
const snapshots = symbols.map((symbol) => String(dialect.snapshot?.(symbol, markets.get(symbol)!)))
const deltas = texts((symbol) => dialect.delta(symbol, markets.get(symbol)!.change()))

/** A transport whose one socket says what it is told to. */
const memory = () => {
  let receiver: Receiver | undefined
  const nothing = (): void => {}
  const transport: Transport["Service"] = {
    name: "memory",
    capabilities: { ping: false, pause: false, headers: false, bytes: false },
    dial: (_, to) =>
      Effect.sync(() => {
        receiver = to
        return {
          protocol: "",
          write: (frames) => {
            for (const frame of frames) {
              const ack = dialect.request(String(frame))?.ack
              if (ack !== undefined) setImmediate(() => to.frame(ack, ack.length))
            }
          },
          ping: nothing,
          buffered: () => 0,
          received: () => 0,
          pause: nothing,
          resume: nothing,
          close: nothing,
          terminate: nothing
        }
      })
  }
  return { transport, say: (frame: string) => receiver?.frame(frame, frame.length) }
}

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Says how many frames a CPU second `say` takes, in bursts with a turn after each, and beside how many. */
const timed = (name: string, frames: ReadonlyArray<string>, say: (frame: string) => void, beside?: number) =>
  Effect.gen(function* () {
    const before = process.cpuUsage()
    for (let at = 0; at < frames.length; at += burst) {
      for (let index = at; index < at + burst; index++) say(frames[index]!)
      yield* turn
    }
    const { system, user } = process.cpuUsage(before)
    const rate = (frames.length * 1e6) / (user + system)
    const times = beside === undefined ? "" : `, ${(rate / beside).toFixed(2)} times`
    process.stdout.write(`${name}: ${Math.round(rate / 1000)}k frames a CPU second${times}\n`)
    return rate
  })

const measure = (
  name: string,
  frames: ReadonlyArray<string>,
  beside: number,
  read: (feed: Feed.Feed) => Effect.Effect<unknown, unknown, Scope.Scope>,
  first: ReadonlyArray<string> = []
) =>
  Effect.gen(function* () {
    const { say, transport } = memory()
    const feed = yield* Feed.make({ venue: dialect.venue }).pipe(Effect.provideService(Transport, transport))
    yield* read(feed)
    const isReady = Effect.map(feed.lines, ([line]) => line?.confirmed === symbols.length)
    yield* Effect.repeat(Effect.delay(isReady, "10 millis"), { until: (ready) => ready, times: 1_000 })
    for (const frame of first) say(frame)
    yield* turn
    yield* timed(name, frames, say, beside)
  }).pipe(Effect.scoped)

const parsing = (name: string, frames: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    let sum = 0
    const rate = yield* timed(name, frames, (frame) => {
      sum += (JSON.parse(frame) as { readonly topic: string }).topic.length
    })
    if (sum === 0) return yield* Effect.die("nothing was parsed")
    return rate
  })

const hold = (names: ReadonlyArray<string>) => (feed: Feed.Feed) =>
  Effect.forEach(names, (symbol) => feed.hold(Topic.trades(symbol)))

const readAll = (names: ReadonlyArray<string>) => (feed: Feed.Feed) =>
  Effect.forEach(names, (symbol) =>
    Effect.forkScoped(Stream.runForEachArray(feed.stream(Topic.trades(symbol)), () => Effect.void))
  )

const check = Schema.decodeUnknownExit(FeedSchema.Trade)

const checkAll = (feed: Feed.Feed) =>
  Effect.forEach(symbols, (symbol) =>
    Effect.forkScoped(
      Stream.runForEachArray(feed.stream(Topic.trades(symbol)), (batch) =>
        Effect.sync(() => {
          for (const trade of batch) check(trade)
        })
      )
    )
  )

const program = Effect.gen(function* () {
  for (const round of ["warm-up", "measured"]) {
    process.stdout.write(`${round}\n`)
    const parsed = yield* parsing("  trades, JSON.parse alone", trades)
    yield* measure("  trades, all held", trades, parsed, hold(symbols))
    yield* measure("  trades, one topic in ten read", trades, parsed, (feed) =>
      Effect.andThen(hold(symbols.slice(2))(feed), readAll(symbols.slice(0, 2))(feed))
    )
    yield* measure("  trades, all read", trades, parsed, readAll(symbols))
    yield* measure("  trades, all read and checked by Schema", trades, parsed, checkAll)
    const books = yield* parsing("  books, JSON.parse alone", deltas)
    yield* measure(
      "  books, all kept",
      deltas,
      books,
      (feed) => Effect.forEach(symbols, (symbol) => feed.book(Topic.book(symbol))),
      snapshots
    )
  }
})

await Effect.runPromise(program)
