/**
 * Reads an exchange that sends as fast as it is read: a client that parses each
 * frame and calls a function by its topic, and whole feeds that hold, read or keep
 * the same topics. CPU time of the client's process for each frame.
 */
import * as Feed from "@kharbranth/feeds/Feed"
import * as FeedSchema from "@kharbranth/feeds/FeedSchema"
import * as Topic from "@kharbranth/feeds/Topic"
import type { Options as VenueOptions, Venue } from "@kharbranth/feeds/Venue"
import * as BinanceSpot from "@kharbranth/feeds/venues/BinanceSpot"
import * as Bybit from "@kharbranth/feeds/venues/Bybit"
import * as Okx from "@kharbranth/feeds/venues/Okx"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import { setTimeout as pause } from "node:timers/promises"
import { transport } from "./kharbranth.ts"
import { openRaw } from "./wires.ts"

export interface Params {
  /** Where the server is. */
  readonly url: string
  readonly venue: string
  /** `mixed`: as many trades, tickers and books. */
  readonly load: "mixed" | "trades and tickers" | "books"
  /** How much CPU time goes by before what is measured, and how much is. */
  readonly warmMillis: number
  readonly millis: number
}

export interface Result {
  /** Frames a CPU second. */
  readonly perSecond: number
  readonly cpuMicros: number
}

const topicCount = 200

const makers: Readonly<Record<Params["load"], ReadonlyArray<(symbol: string) => Topic.Topic>>> = {
  "mixed": [Topic.trades, Topic.book, Topic.ticker],
  "trades and tickers": [Topic.trades, Topic.ticker],
  "books": [Topic.book]
}

/** As many of each channel, one after the other. */
const topicsOf = ({ load }: Params): ReadonlyArray<Topic.Topic> => {
  const channels = makers[load]
  return Array.from({ length: topicCount }, (_, index) =>
    channels[index % channels.length]!(`COIN${Math.floor(index / channels.length)}USDT`)
  )
}

interface Wire {
  readonly make: (options: VenueOptions) => Venue
  /** How many topics a socket carries. */
  readonly perSocket: number
  /** Finds the function for a parsed frame, as a hand-written client would. */
  readonly handlers: (keys: ReadonlyArray<string>, handle: Handle) => (message: never) => Handle | undefined
}

type Handle = (message: unknown) => void

const byName =
  (name: string): Wire["handlers"] =>
  (keys, handle) => {
    const handlers = new Map(keys.map((key) => [key, handle]))
    return (message) => handlers.get(message[name])
  }

const wires: Readonly<Record<string, Wire>> = {
  bybit: {
    make: (options) => Bybit.make({ category: "linear", ...options }),
    perSocket: 200,
    handlers: byName("topic")
  },
  binance: { make: (options) => BinanceSpot.make(options), perSocket: 200, handlers: byName("stream") },
  okx: {
    make: (options) => Okx.make(options),
    perSocket: 29,
    handlers: (keys, handle) => {
      const handlers = new Map<string, Map<string, Handle>>()
      for (const key of keys) {
        const [channel = "", symbol = ""] = key.split(":")
        handlers.set(channel, (handlers.get(channel) ?? new Map<string, Handle>()).set(symbol, handle))
      }
      return (message) => {
        const { channel, instId } = (message as { readonly arg: { readonly channel: string; readonly instId: string } })
          .arg
        return handlers.get(channel)?.get(instId)
      }
    }
  }
}

const run = `${process.pid}`

const venueOf = ({ url, venue }: Params): Venue =>
  wires[venue]!.make({
    target: `${url}/market?venue=${venue}&run=${run}`,
    // Getting there fast is not what is measured.
    limits: { send: [], dial: { limit: 1_000, window: "1 second" } }
  })

/** Has the server send; waits until it does. */
const started = async ({ url }: Params): Promise<unknown> => once(await openRaw(`${url}/start?run=${run}`), "close")

/** Connects and subscribes; says how many frames came so far. */
type Consume = (params: Params) => Promise<() => number | Promise<number>>

const raw: Consume = async (params) => {
  const { handlers, perSocket } = wires[params.venue]!
  const venue = venueOf(params)
  const topics = topicsOf(params)
  let count = 0
  const handle: Handle = () => {
    count += 1
  }
  const handlerOf = handlers(topics.map(venue.key), handle)
  for (let at = 0; at < topics.length; at += perSocket) {
    const ws = await openRaw(`${params.url}/market?venue=${params.venue}&run=${run}`)
    ws.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as never
      handlerOf(message)?.(message)
    })
    for (const text of venue.subscribe(topics.slice(at, at + perSocket), 1, venue.wire())) ws.send(text)
  }
  await pause(500)
  return () => count
}

type Read = (feed: Feed.Feed, topics: ReadonlyArray<Topic.Topic>) => Effect.Effect<unknown, unknown, Scope.Scope>

const feed =
  (read: Read): Consume =>
  (params) =>
    new Promise((resolve, reject) => {
      const topics = topicsOf(params)
      const program = Effect.gen(function* () {
        const { lines, ...open } = yield* Feed.make({ venue: venueOf(params) })
        yield* read({ lines, ...open }, topics)
        const isReady = Effect.map(lines, ([line]) => line?.confirmed === topics.length)
        yield* Effect.repeat(Effect.delay(isReady, "20 millis"), { until: (ready) => ready, times: 1_000 })
        const [ready] = yield* lines
        if (ready?.confirmed !== topics.length)
          return yield* Effect.die(`only ${ready?.confirmed} topics are confirmed`)
        resolve(() =>
          Effect.runPromise(
            Effect.map(lines, ([line]) => {
              if (line?.connections !== ready.connections || line.reconnects + line.malformed + line.gaps > 0)
                throw new Error(`the feed did not stay whole: ${JSON.stringify(line)}`)
              return line.frames
            })
          )
        )
        return yield* Effect.never
      })
      Effect.runPromise(Effect.scoped(Effect.provide(program, transport))).catch(reject)
    })

const hold: Read = (feed, topics) => Effect.forEach(topics, (topic) => feed.hold(topic), { discard: true })

/** What readers found, so that nothing is computed for nobody. */
export const seen = { events: 0, markers: 0, wrong: 0 }

const reading =
  (take: (event: { readonly _tag: string }) => void): Read =>
  (feed, topics) =>
    Effect.forEach(
      topics,
      (topic) =>
        Effect.forkScoped(
          Stream.runForEachArray(feed.entries(topic), (batch) =>
            Effect.sync(() => {
              for (const event of batch) take(event)
            })
          ),
          { startImmediately: true }
        ),
      { discard: true }
    )

const readingMerged =
  (take: (event: { readonly _tag: string }) => void): Read =>
  (feed, topics) =>
    Effect.forkScoped(
      Stream.runForEachArray(feed.merged(topics), (batch) =>
        Effect.sync(() => {
          for (const { entry } of batch) take(entry)
        })
      ),
      { startImmediately: true }
    )

const markers = new Set(["Gap", "Stale", "Resynced", "Lagged"])

const count = (event: { readonly _tag: string }): void => {
  if (markers.has(event._tag)) seen.markers += 1
  else seen.events += 1
}

const check = Schema.decodeUnknownExit(FeedSchema.Entry)

const some =
  (every: number, how = reading): Read =>
  (feed, topics) => {
    const isRead = (_: unknown, index: number): boolean => index % every === 0
    return Effect.andThen(
      hold(
        feed,
        topics.filter((topic, index) => !isRead(topic, index))
      ),
      how(count)(feed, topics.filter(isRead))
    )
  }

const books: Read = (feed, topics) =>
  Effect.forEach(topics, (topic) => (topic.channel === "book" ? feed.book(topic as Topic.Topic<"book">) : Effect.void))

const consumers: Readonly<Record<string, Consume>> = {
  "ws, all parsed": raw,
  "all held": feed(hold),
  "one topic in ten read": feed(some(10)),
  "one topic in ten read, in one stream": feed(some(10, readingMerged)),
  "all read": feed(some(1)),
  "all read, in one stream": feed(some(1, readingMerged)),
  "all read, in one stream, checked by Schema": feed(
    readingMerged((event) => {
      count(event)
      if (check(event)._tag === "Failure") seen.wrong += 1
    })
  ),
  "all books kept": feed(books)
}

const cpuMicros = (): number => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/** Waits until this process has had so much more CPU time, however little of the machine is free. */
const spent = async (millis: number): Promise<number> => {
  const before = cpuMicros()
  for (;;) {
    const micros = cpuMicros() - before
    if (micros >= 1_000 * millis) return micros
    await pause(20)
  }
}

export const measure = async (subject: string, params: Params): Promise<Result> => {
  const count = await consumers[subject]!(params)
  await started(params)
  await spent(params.warmMillis)
  const before = await count()
  const took = await spent(params.millis)
  const micros = took / ((await count()) - before)
  if (seen.markers + seen.wrong > 0) throw new Error(`${subject}: ${JSON.stringify(seen)}`)
  return { perSecond: 1e6 / micros, cpuMicros: micros }
}
