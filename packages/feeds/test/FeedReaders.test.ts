/**
 * Proves that readers of a feed cost what they read: a held topic is not decoded,
 * a slow reader loses its own events and is told so, a slow reader of a book gets
 * its newest state, and nobody starves; and that topics go to the right line.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Feed from "../src/Feed.ts"
import type { BookUpdate, Marker, Trade } from "../src/FeedEvent.ts"
import * as Topic from "../src/Topic.ts"
import type { Venue } from "../src/Venue.ts"
import * as BinanceUsdm from "../src/venues/BinanceUsdm.ts"
import { said } from "./support/replay.ts"
import { collect, pass, rig, settle } from "./support/rig.ts"
import { type Dialect, dialects } from "./support/venues.ts"

const symbol = "BTCUSDT"

/** A dialect whose venue counts what is decoded. */
const counted = (dialect: Dialect) => {
  const counts = { decoded: 0 }
  const venue: Venue = {
    ...dialect.venue,
    decode: (raw, topic, at) => {
      counts.decoded++
      return dialect.venue.decode(raw, topic, at)
    }
  }
  return { counts, dialect: { ...dialect, venue } }
}

/** A reader that takes a batch when it is told to. */
const slow = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function* () {
    const permits = yield* Queue.unbounded<void>()
    const found: Array<A> = []
    yield* Effect.forkScoped(
      Stream.runForEachArray(stream, (batch) =>
        Effect.andThen(
          Queue.take(permits),
          Effect.sync(() => void found.push(...batch))
        )
      ),
      { startImmediately: true }
    )
    return { found, go: Queue.offer(permits, undefined) }
  })

describe("readers of a feed", () => {
  it.effect("what is held and not read is classified, and no more", () =>
    Effect.gen(function* () {
      const { counts, dialect } = counted(dialects.bybit())
      const { feed, venue } = yield* rig([dialect])
      yield* feed.hold(Topic.trades(symbol))
      yield* pass("1 second")
      for (let n = 0; n < 100; n++) venue.trade()
      yield* settle
      const [line] = yield* feed.lines
      assert.isAtLeast(line!.frames, 100)
      const [topic] = yield* feed.topics
      assert.deepInclude(topic, { line: "bybit/public", topic: "publicTrade.BTCUSDT", messages: 100 })
      assert.strictEqual(counts.decoded, 0)
    })
  )

  it.effect("a slow reader loses its oldest events, undecoded, and is told how many", () =>
    Effect.gen(function* () {
      const { counts, dialect } = counted(dialects.bybit())
      const { feed, venue } = yield* rig([dialect])
      const reader = yield* slow(feed.entries(Topic.trades(symbol), { capacity: 10 }))
      const quick = yield* collect(feed.stream(Topic.trades(symbol)))
      yield* pass("1 second")
      const publish = (count: number) =>
        Effect.gen(function* () {
          for (let n = 0; n < count; n++) venue.trade()
          yield* settle
        })
      yield* publish(1)
      yield* publish(500)
      yield* reader.go
      yield* reader.go
      yield* settle
      const found = reader.found.map((one) =>
        one._tag === "Trade" ? one.id : one._tag === "Lagged" ? one.dropped : one
      )
      assert.deepStrictEqual(found, ["t1", 490, ...Array.from({ length: 10 }, (_, n) => `t${492 + n}`)])
      assert.lengthOf(quick, 501)
      assert.strictEqual(counts.decoded, 501 + 11)
      // Each stamp says how long it waited for this reader.
      const last = reader.found.at(-1)
      if (last?._tag !== "Trade") return assert.fail("expected a trade")
      assert.strictEqual(last.deliveryTime, last.arrivalTime)
    })
  )

  it.effect("a reader that waits has frames decoded as they come, and finds what is malformed at its place", () =>
    Effect.gen(function* () {
      const { counts, dialect } = counted(dialects.bybit())
      const { feed, venue } = yield* rig([dialect])
      const found: Array<{ readonly decoded: number; readonly size: number }> = []
      const entries: Array<Trade | Marker> = []
      yield* Effect.forkScoped(
        Stream.runForEachArray(feed.entries(Topic.trades(symbol)), (batch) =>
          Effect.sync(() => {
            found.push({ decoded: counts.decoded, size: batch.length })
            entries.push(...batch)
          })
        ),
        { startImmediately: true }
      )
      yield* pass("1 second")
      for (let n = 0; n < 5; n++) venue.trade()
      yield* settle
      assert.deepStrictEqual(found, [{ decoded: 5, size: 5 }])
      // A frame that nobody can read is a mark at its place, and counted once.
      venue.trade()
      venue.shout('{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":0,"data":[{}]}')
      venue.trade()
      yield* settle
      assert.deepStrictEqual(
        entries.slice(5).map((entry) => entry._tag),
        ["Trade", "Gap", "Trade"]
      )
      const [line] = yield* feed.lines
      assert.strictEqual(line?.malformed, 1)
    })
  )

  it.effect("a reader that keeps the newest only has no more decoded for it when much comes together", () =>
    Effect.gen(function* () {
      const { counts, dialect } = counted(dialects.bybit())
      const { feed, venue } = yield* rig([dialect])
      const found = yield* collect(feed.entries(Topic.trades(symbol), { capacity: 1 }))
      yield* pass("1 second")
      for (let n = 0; n < 500; n++) venue.trade()
      yield* settle
      assert.deepStrictEqual(
        found.map((one) => (one._tag === "Trade" ? one.id : one._tag === "Lagged" ? one.dropped : one)),
        [499, "t500"]
      )
      assert.isAtMost(counts.decoded, 2)
    })
  )

  it.effect("a slow reader of a book finds its newest state, whole", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const reader = yield* slow(feed.entries(Topic.book(symbol), { capacity: 20 }))
      yield* pass("1 second")
      yield* reader.go
      venue.change()
      yield* settle
      for (let n = 0; n < 1000; n++) venue.change()
      yield* settle
      yield* reader.go
      yield* reader.go
      yield* settle
      const entries: ReadonlyArray<BookUpdate | Marker> = reader.found
      const spelled = entries.map((one) => (one._tag === "BookUpdate" ? `${one.kind} ${one.last}` : one._tag))
      assert.deepStrictEqual(spelled, ["snapshot 100", "delta 101", "Lagged", "snapshot 1101"])
      const newest = entries.at(-1)
      if (newest?._tag !== "BookUpdate") return assert.fail("expected the newest state")
      const best = (side: BookUpdate["bids"]) => `${side.prices.at(-1)}@${side.sizes.at(-1)}`
      const { asks, bids } = venue.market.levels
      assert.deepStrictEqual([best(newest.bids), best(newest.asks)], [bids[0]!.join("@"), asks[0]!.join("@")])
    })
  )

  it.effect("a book answers what is asked of it, and a consolidated one says whose prices are best", () =>
    Effect.gen(function* () {
      const { feed, venues } = yield* rig([dialects.bybit(), dialects.coinbase(), dialects.binanceSpot()])
      const [bybit, coinbase] = venues
      const best = yield* feed.consolidated([
        Topic.at("bybit", Topic.book(symbol)),
        Topic.at("coinbase", Topic.book(symbol)),
        Topic.at("binance-spot", Topic.book(symbol))
      ])
      const changes = yield* collect(best.changes)
      const book = yield* feed.book(Topic.at("bybit", Topic.book(symbol)))
      assert.deepStrictEqual((yield* best.best).without, ["bybit", "coinbase", "binance-spot"])
      assert.isTrue(Option.isNone(yield* book.bbo))
      yield* book.synced.pipe(Effect.raceFirst(pass("4 seconds")))
      yield* pass("1 second")
      const bbo = Option.getOrThrow(yield* book.bbo)
      const levels = bybit!.market.levels
      assert.deepStrictEqual([bbo.bid?.priceText, bbo.ask?.priceText], [levels.bids[0]![0], levels.asks[0]![0]])
      assert.lengthOf(Option.getOrThrow(yield* book.depth(3)).bids, 3)
      assert.isTrue(Option.isSome(yield* book.vwap("buy", 1)))
      const better = { sequence: 0, bids: [["1000.5", "1"]] as const, asks: [] }
      coinbase!.publish("book", coinbase!.dialect.delta(symbol, better))
      yield* settle
      assert.deepInclude((yield* best.best).bid, { venue: "coinbase", priceText: "1000.5" })
      assert.deepStrictEqual(changes.at(-1)?.bid?.venue, "coinbase")
      yield* coinbase!.cut
      yield* settle
      const without = yield* best.best
      assert.deepStrictEqual(without.without, ["coinbase"])
      assert.notStrictEqual(without.bid?.venue, "coinbase")
      assert.isAbove((yield* book.lastKnown).bids.length, 0)
    })
  )

  it.effect("topics that cannot share a socket have lines of their own, and each connection carries what it may", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const heard = new Map<string, Array<string>>()
      const script = (path: string) => (peer: TestNetwork.Peer) =>
        peer.listen({
          frame: (frame) => {
            const { id, params } = JSON.parse(String(frame)) as { id: number; params: ReadonlyArray<string> }
            heard.set(`${path} ${peer.id}`, [...(heard.get(`${path} ${peer.id}`) ?? []), ...params])
            peer.sendUnsafe([JSON.stringify({ result: null, id })])
          }
        })
      for (const path of ["public", "market"]) {
        yield* network.serve(`wss://fstream.binance.com/${path}/stream`, script(path))
      }
      const limits = { perConnection: { topics: 2, characters: undefined } }
      const feed = yield* Feed.make({ venue: BinanceUsdm.make({ limits }) }).pipe(network.provide)
      for (const name of ["A", "B", "C"]) {
        yield* feed.hold(Topic.trades(name))
        yield* feed.hold(Topic.ticker(name))
      }
      yield* pass("5 seconds")
      const carried = [...heard].map(([socket, topics]) => `${socket.split(" ")[0]} ${topics.toSorted().join(" ")}`)
      assert.deepStrictEqual(carried.toSorted(), [
        "market a@aggTrade b@aggTrade",
        "market c@aggTrade",
        "public a@bookTicker b@bookTicker",
        "public c@bookTicker"
      ])
      const figures = (yield* feed.lines).map(({ confirmed, line, ready, topics }) => [line, ready, topics, confirmed])
      assert.deepStrictEqual(figures, [
        ["binance-usdm/public", 2, 3, 3],
        ["binance-usdm/market", 2, 3, 3]
      ])
    })
  )

  it.effect("under a flood every topic is served, and what waits is bounded", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const reader = yield* slow(feed.entries(Topic.trades(symbol), { capacity: 100 }))
      const ticker = yield* collect(feed.stream(Topic.ticker(symbol)))
      const book = yield* feed.book(Topic.book(symbol))
      yield* pass("1 second")
      for (let second = 0; second < 20; second++) {
        for (let n = 0; n < 1000; n++) {
          venue.trade()
          if (n % 10 === 0) venue.change()
        }
        venue.tick(second)
        yield* pass(100, 50)
        yield* reader.go
      }
      assert.lengthOf(ticker, 20)
      assert.strictEqual(said(yield* book.book, 50), venue.market.said)
      const trades = reader.found.filter(({ _tag }) => _tag === "Trade").length
      const dropped = reader.found.reduce((sum, one) => (one._tag === "Lagged" ? sum + one.dropped : sum), 0)
      assert.isAbove(dropped, 15_000)
      assert.isAtMost(trades, 20 * 100 + 1000)
    })
  )
})
