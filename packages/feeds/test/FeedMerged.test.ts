/**
 * Proves that a reader of several topics gets what a stream of each would give, in the
 * order of each, whatever is cut, lost, doubled or garbled; that it wakes once for all
 * that came together; and that a topic which floods takes nothing from the others.
 * `SEED=n` starts with that seed, `RUNS=n` says how many run.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { firstSeed, runsOf } from "../../kharbranth/test/support/histories.ts"
import type { Feed, TopicEntry } from "../src/Feed.ts"
import { ReaderBuffer } from "../src/internal/feed/reader/buffer.ts"
import { Merged } from "../src/internal/feed/reader/merged.ts"
import * as Topic from "../src/Topic.ts"
import { random } from "./support/random.ts"
import { collect, pass, rig, settle } from "./support/rig.ts"
import { dialects } from "./support/venues.ts"

const symbol = "BTCUSDT"
const channels = [Topic.trades(symbol), Topic.ticker(symbol), Topic.book(symbol)] as const

/** An entry without when it was handed on: virtual time passes within a turn, and each reader wakes in its own time. */
const undelivered = (entry: TopicEntry["entry"]) => ({ ...entry, deliveryTime: undefined })

/** What a merged stream said of each topic. */
const byTopic = (topics: ReadonlyArray<Topic.Topic>, found: ReadonlyArray<TopicEntry>) =>
  topics.map((topic) => found.flatMap((one) => (one.topic === topic ? [undelivered(one.entry)] : [])))

const tagsOf = (found: ReadonlyArray<TopicEntry>) =>
  found.map(({ entry, topic }) => `${topic.channel} ${entry._tag === "Trade" ? entry.id : entry._tag}`)

/** The turn of the event loop is over, and readers have woken. */
const settledTurn = Effect.promise(() => new Promise((resolve) => setImmediate(() => setImmediate(resolve))))

describe("a reader of several topics", () => {
  for (let seed = firstSeed; seed < firstSeed + runsOf(4); seed++) {
    it.effect(`has what a stream of each topic has, seed ${seed}`, () =>
      Effect.gen(function* () {
        const next = random(seed)
        const lines = next() < 0.3 ? 2 : 1
        const { feed, venues } = yield* rig([dialects.bybit(), dialects.coinbase()], { seed, lines })
        const topics = venues.flatMap(({ venue }) => channels.map((topic) => Topic.at(venue.id, topic)))
        const merged = yield* collect(feed.merged(topics))
        const each = yield* Effect.forEach(topics, (topic) => collect(feed.entries(topic)))
        yield* pass("4 seconds", 100)
        for (let step = 0; step < 60; step++) {
          for (const venue of venues) {
            const chance = next()
            if (chance < 0.05) yield* venue.cut
            else if (chance < 0.1) venue.fault = "drop"
            else if (chance < 0.15) venue.fault = "double"
            else if (chance < 0.2) venue.fault = "garble"
            const burst = Math.floor(next() * 4)
            for (let n = 0; n < burst; n++) venue.trade()
            if (next() < 0.5) venue.tick()
            if (next() < 0.5) venue.change()
          }
          yield* pass(Math.floor(next() * 800), 50)
        }
        yield* pass("10 seconds", 200)
        const known = new Set(merged.map(({ entry }) => entry._tag))
        assert.isTrue(
          ["Trade", "Ticker", "BookUpdate", "Gap", "Stale", "Resynced"].every((tag) => known.has(tag as never))
        )
        const streamed = each.map((entries) => entries.map(undelivered))
        assert.deepStrictEqual(byTopic(topics, merged), streamed)
      })
    )
  }

  it.effect("wakes once for all that came together", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const batches: Array<ReadonlyArray<string>> = []
      yield* Effect.forkScoped(
        Stream.runForEachArray(feed.merged(channels), (batch) => Effect.sync(() => void batches.push(tagsOf(batch)))),
        { startImmediately: true }
      )
      yield* pass("2 seconds")
      batches.length = 0
      venue.trade()
      venue.tick()
      venue.trade()
      venue.change()
      yield* settle
      assert.deepStrictEqual(batches, [["trades t1", "trades t2", "ticker Ticker", "book BookUpdate"]])
    })
  )

  it.effect("loses what one topic floods of that topic alone, and is told how many", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const permits = yield* Queue.unbounded<void>()
      const found: Array<TopicEntry> = []
      yield* Effect.forkScoped(
        Stream.runForEachArray(feed.merged(channels.slice(0, 2), { capacity: 10 }), (batch) =>
          Effect.andThen(
            Queue.take(permits),
            Effect.sync(() => void found.push(...batch))
          )
        ),
        { startImmediately: true }
      )
      yield* pass("1 second")
      venue.trade()
      yield* settle
      for (let n = 0; n < 500; n++) venue.trade()
      for (let n = 0; n < 5; n++) venue.tick()
      yield* settle
      yield* Effect.forEach([1, 2, 3], () => Queue.offer(permits, undefined))
      yield* settle
      const trades = Array.from({ length: 10 }, (_, n) => `trades t${492 + n}`)
      assert.deepStrictEqual(tagsOf(found), [
        "trades t1",
        "trades Lagged",
        ...trades,
        ...Array(5).fill("ticker Ticker")
      ])
      const [, lagged] = found
      assert.deepInclude(lagged?.entry, { _tag: "Lagged", dropped: 490 })
    })
  )

  it.effect("fills gaps where the feed does", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.binanceSpot()], { backfill: true })
      const found = yield* collect(feed.merged([Topic.trades(symbol), Topic.ticker(symbol)]))
      yield* pass("1 second")
      venue.trade()
      yield* pass("1 second")
      yield* venue.cut
      venue.trade()
      yield* pass("5 seconds")
      venue.trade()
      yield* pass("1 second")
      const trades = found.flatMap(({ entry }) => (entry._tag === "Trade" ? [[entry.id, entry.backfilled]] : []))
      assert.deepStrictEqual(trades, [
        ["1", false],
        ["2", true],
        ["3", false]
      ])
    })
  )

  /** Two buffers with one reader, as topics whose connections are over end them. */
  const pair = () => {
    const merged = new Merged<string, string>()
    const buffers = ["a", "b"].map((name) => {
      const source = merged.source()
      const buffer = new ReaderBuffer<{ readonly _tag: string }, string>({ capacity: 8, part: source })
      source.readBy((found) => {
        buffer.readAll((batch) => found.push(...batch.map(({ _tag }) => `${name} ${_tag}`)))
        return buffer.ending
      })
      return buffer
    })
    return { buffers, exit: Effect.exit(Stream.runCollect(Stream.fromPull(Effect.succeed(merged.pull)))) }
  }

  it.live("goes on until all of its topics have ended, of which each ends once", () =>
    Effect.gen(function* () {
      const { buffers, exit } = pair()
      const reading = yield* Effect.forkChild(exit, { startImmediately: true })
      const [a, b] = buffers
      a!.push({ _tag: "1" })
      a!.end(undefined)
      yield* settledTurn
      // What its line says to all of its topics comes to one that is over, too.
      a!.mark({ _tag: "Stale", reason: "disconnected", since: 0, detail: undefined })
      yield* settledTurn
      b!.push({ _tag: "2" })
      b!.end(undefined)
      assert.deepStrictEqual(yield* Fiber.join(reading), Exit.succeed(["a 1", "a Stale", "b 2"]))
    })
  )

  it.live("fails when one of its topics does, after all that had come", () =>
    Effect.gen(function* () {
      const { buffers, exit } = pair()
      const reading = yield* Effect.forkChild(exit, { startImmediately: true })
      buffers[0]!.end("it is refused")
      buffers[1]!.push({ _tag: "1" })
      assert.deepStrictEqual(yield* Fiber.join(reading), Exit.fail("it is refused"))
    })
  )

  const ending = <E>(merged: (feed: Feed) => Stream.Stream<unknown, E>) =>
    Effect.gen(function* () {
      const { feed } = yield* rig([dialects.bybit()])
      return yield* Effect.exit(Stream.runDrain(merged(feed)))
    })

  it.effect("ends at once where it has no topics", () =>
    Effect.gen(function* () {
      assert.isTrue(Exit.isSuccess(yield* ending((feed) => feed.merged([]))))
    })
  )

  it.effect("fails at the door for a topic that no venue has, and for bad options", () =>
    Effect.gen(function* () {
      const unknown = yield* ending((feed) =>
        feed.merged([Topic.trades(symbol), Topic.at("nowhere", Topic.trades(symbol))])
      )
      assert.include(String(unknown), "UnknownTopic")
      const invalid = yield* ending((feed) => feed.merged(channels, { capacity: 0 }))
      assert.include(String(invalid), "InvalidOptions")
    })
  )

  it.effect("dies of a predicate that throws, and nobody else does", () =>
    Effect.gen(function* () {
      const bad = (symbols: ReadonlySet<string>) => (event: { readonly _tag: string }) => {
        if (symbols.has(event._tag)) throw new Error("a predicate of the user's")
        return undefined
      }
      const { feed, venue } = yield* rig([dialects.bybit()], { suspect: bad(new Set(["Ticker"])) })
      const other = yield* collect(feed.entries(Topic.trades(symbol)))
      const merged = yield* Effect.forkScoped(Effect.exit(Stream.runDrain(feed.merged(channels.slice(0, 2)))), {
        startImmediately: true
      })
      yield* pass("1 second")
      venue.tick()
      venue.trade()
      yield* settle
      const exit = merged.pollUnsafe()
      if (exit === undefined || !Exit.isSuccess(exit) || !Exit.isFailure(exit.value)) return assert.fail("it goes on")
      assert.isTrue(Cause.hasDies(exit.value.cause))
      assert.lengthOf(other, 1)
    })
  )
})
