/**
 * Proves on real sockets, with the venue in its own process, that consumers at
 * half the speed of what is offered cost bounded memory and lose nothing in
 * silence: each reader of trades gets ids that follow each other, with a `Lagged`
 * that counts exactly what is missing; each reader of a book gets the newest state
 * after a `Lagged`; no topic is starved; and every book is right to the last
 * number. Ten seconds of 100,000 frames a second are wanted, or as many as
 * `FLOOD_SECONDS` and `FLOOD_RATE` say; a slow machine is offered what it takes.
 */
import { type ChildProcess, fork } from "node:child_process"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Book from "../../src/Book.ts"
import * as Feed from "../../src/Feed.ts"
import type { BookUpdate, Marker, Trade } from "../../src/FeedEvent.ts"
import * as Topic from "../../src/Topic.ts"
import * as Bybit from "../../src/venues/Bybit.ts"
import { heapUsed } from "../support/heap.ts"
import { levels, type Order, type Word } from "./venue.ts"

const seconds = Number(process.env["FLOOD_SECONDS"] ?? 10)
const rate = Number(process.env["FLOOD_RATE"] ?? 100_000)
const symbols = Array.from({ length: 50 }, (_, index) => `COIN${index}USDT`)
const topics = 2 * symbols.length
const capacity = 64

// ------------------------------------------------------------------ the venue

const venue = Effect.acquireRelease(
  Effect.sync(() => fork(new URL("./venue.ts", import.meta.url))),
  (child) => Effect.sync(() => void child.kill("SIGKILL"))
)

const word = <T extends Word["_tag"]>(
  child: ChildProcess,
  tag: T
): Effect.Effect<Extract<Word, { readonly _tag: T }>> =>
  Effect.callback((resume) => {
    const listen = (said: Word): void => {
      if (said._tag !== tag) return
      child.off("message", listen)
      resume(Effect.succeed(said as Extract<Word, { readonly _tag: T }>))
    }
    child.on("message", listen)
    child.once("exit", () => resume(Effect.die(new Error("the venue's process has ended"))))
  })

const order = (child: ChildProcess, what: Order) => Effect.sync(() => void child.send(what))

// ------------------------------------------------------------------- consumers

/** What a slow consumer has seen of one topic. */
class Consumer {
  received = 0
  dropped = 0
  readonly wrong: Array<string> = []
  private last: number | undefined
  private missing = 0
  private isBehind = false

  trade(item: Trade | Marker): void {
    if (item._tag !== "Trade") return this.mark(item)
    const id = Number(item.id)
    if (this.last !== undefined && id !== this.last + 1 + this.missing)
      this.wrong.push(`trade ${id} after ${this.last} and ${this.missing} missing`)
    this.take(id)
  }

  update(item: BookUpdate | Marker): void {
    if (item._tag !== "BookUpdate") return this.mark(item)
    const number = Number(item.last)
    if (this.isBehind && item.kind !== "snapshot") this.wrong.push(`a change ${number} where the newest state belongs`)
    if (!this.isBehind && this.last !== undefined && number !== this.last + 1)
      this.wrong.push(`change ${number} after ${this.last}`)
    this.take(number)
  }

  private take(number: number): void {
    this.last = number
    this.missing = 0
    this.isBehind = false
    this.received++
  }

  private mark(marker: Marker): void {
    if (marker._tag !== "Lagged") return void this.wrong.push(`a ${marker._tag}: ${JSON.stringify(marker)}`)
    this.missing += marker.dropped
    this.dropped += marker.dropped
    this.isBehind = true
  }
}

/** How many frames of a topic come in a second, as the venue says. */
const offering = (child: ChildProcess): (() => number) => {
  let perSecond = rate / topics
  child.on("message", (said: Word) => {
    if (said._tag === "Sent" && said.frames > 0) perSecond = (said.frames * 1000) / said.millis / topics
  })
  return () => perSecond
}

/** Reads half as fast as messages of its topic come. */
const slowly = <A, E>(stream: Stream.Stream<A, E>, perSecond: () => number, take: (item: A) => void) =>
  Effect.forkScoped(
    Stream.runForEachArray(stream, (batch) =>
      Effect.suspend(() => {
        for (const item of batch) take(item)
        return Effect.sleep(Duration.millis((2 * batch.length * 1000) / perSecond()))
      })
    )
  )

// ---------------------------------------------------------------- what must be

/** The book after an update, by its number alone. */
const truth = (number: number): ReadonlyArray<string> =>
  Array.from({ length: levels }, (_, level) => String(number - ((number - level) % levels)))

const holds = (book: Book.Book, number: number): void => {
  const { asks, bids } = Option.getOrThrow(Book.depth(book, levels))
  assert.deepStrictEqual(
    bids.map(({ sizeText }) => sizeText),
    truth(number)
  )
  assert.deepStrictEqual(
    asks.map(({ sizeText }) => sizeText),
    truth(number)
  )
}

const unstarved = (name: string, consumers: ReadonlyArray<Consumer>): void => {
  const counts = consumers.map(({ received }) => received).toSorted((a, b) => a - b)
  const median = counts[counts.length >> 1] ?? 0
  assert.isAbove(median, 0, name)
  assert.isAbove(counts[0] ?? 0, median / 2, `${name}: one topic got ${counts[0]} where the median is ${median}`)
}

it.live(
  `${rate} frames a second for ${seconds} s, and consumers at half their speed`,
  () =>
    Effect.gen(function* () {
      const child = yield* venue
      const { port } = yield* word(child, "Listening")
      const feed = yield* Feed.make({ venue: Bybit.make({ depth: 50, target: `ws://127.0.0.1:${port}/` }) }).pipe(
        Effect.provide(NodeTransport.layer)
      )
      const perSecond = offering(child)
      const trades = symbols.map(() => new Consumer())
      const updates = symbols.map(() => new Consumer())
      const books = yield* Effect.forEach(symbols, (symbol) => feed.book(Topic.book(symbol)))
      for (const [index, symbol] of symbols.entries()) {
        yield* slowly(feed.entries(Topic.trades(symbol), { capacity }), perSecond, (item) => trades[index]!.trade(item))
        yield* slowly(feed.entries(Topic.book(symbol), { capacity }), perSecond, (item) => updates[index]!.update(item))
      }
      yield* Effect.forEach(books, ({ synced }) => synced)
      // Trades are granted without data: the line says so.
      yield* feed.lines.pipe(
        Effect.delay("20 millis"),
        Effect.repeat({ until: ([line]) => line?.confirmed === topics })
      )

      yield* order(child, { _tag: "Start", rate })
      yield* Effect.sleep(Duration.seconds(seconds / 3))
      const early = heapUsed()
      yield* Effect.sleep(Duration.seconds((2 * seconds) / 3))
      const late = heapUsed()
      // An answer of another process comes in a later turn.
      const stopped = yield* Effect.andThen(order(child, { _tag: "Stop" }), word(child, "Stopped"))

      for (const [index, { changes }] of books.entries()) {
        const last = stopped.last[`orderbook.50.${symbols[index]}`] ?? 0
        const book = yield* Stream.runHead(Stream.filter(changes, ({ sequence }) => Number(sequence) === last))
        holds(Option.getOrThrow(book), last)
      }
      const [line] = yield* feed.lines
      const received = [...trades, ...updates].reduce((sum, one) => sum + one.received, 0)
      const dropped = [...trades, ...updates].reduce((sum, one) => sum + one.dropped, 0)
      console.log(
        `offered ${Math.round(stopped.frames / (stopped.millis / 1000))} frames a second for ${Math.round(stopped.millis / 1000)} s; ` +
          `consumers took ${received} and were told of ${dropped} that they missed; ` +
          `heap ${[early, late].map((bytes) => Math.round(bytes / 2 ** 20)).join(" to ")} MiB`
      )

      for (const { wrong } of [...trades, ...updates]) assert.deepStrictEqual(wrong.slice(0, 3), [])
      unstarved("trades", trades)
      unstarved("books", updates)
      assert.isAbove(dropped, 0, "the consumers kept up, so nothing was tried")
      assert.isBelow(late, 1.5 * early + 16 * 2 ** 20, `the heap grew from ${early} to ${late} bytes`)
      assert.deepStrictEqual([line?.reconnects, line?.malformed, line?.connections], [0, 0, 1])
    }).pipe(Effect.scoped),
  { timeout: (seconds + 90) * 1000 }
)
