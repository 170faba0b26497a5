/**
 * Fifty named feeds through one manager. Everything the demo does with the
 * library is here: connect by name, subscribe, read, send orders and learn their
 * outcomes, and restart from outside whatever has gone bad.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Subscriptions from "kharbranth/Subscriptions"
import type { Ledger } from "./ledger.ts"
import { feeds, type FromServer, topicOf, topics, type ToServer, type Venue, venueOf } from "./wire.ts"

type Feed = Connection.Connection<FromServer, ToServer>

export interface Options {
  readonly ledger: Ledger
  readonly ports: Readonly<Record<Venue, number>>
  /** Hides every gap from the ledger, to show that the verdict can fail. */
  readonly sabotage: boolean
  /** Feeds whose subscribers are slow at present. */
  readonly slow: ReadonlySet<string>
  /** Whether orders are still placed. */
  readonly trading: () => boolean
  /** The outside supervisor restarts a feed. */
  readonly onRestart: (feed: string) => void
}

export interface Desk {
  /** Whether every feed is connected and every topic confirmed. */
  readonly settled: Effect.Effect<boolean>
  readonly stray: Effect.Effect<number>
}

const codec = Codec.jsonAs<FromServer, ToServer>()

const connect = (feed: string, port: number) =>
  ConnectionManager.ConnectionManager.use((manager) =>
    manager.connect(ConnectionManager.key(feed, codec), {
      target: `ws://127.0.0.1:${port}/${feed.split("/")[1]}`,
      heartbeat: Heartbeat.ping({ every: "1 second", timeout: "1 second" }),
      reconnect: Reconnect.make({ schedule: Reconnect.prompt.schedule, stableAfter: "2 seconds" }),
      outbox: {
        acks: {
          id: (message) => ("order" in message ? message.order : undefined),
          match: (message) => ("taken" in message ? message.taken : undefined)
        }
      },
      startup: "background",
      tags: [venueOf(feed)]
    })
  )

const subscribeTo = (connection: Feed) =>
  Subscriptions.make(connection, {
    subscribe: (topics: ReadonlyArray<string>, id): ToServer => ({ op: "subscribe", topics, id }),
    unsubscribe: (topics, id): ToServer => ({ op: "unsubscribe", topics, id }),
    match: (message: FromServer) =>
      "topic" in message
        ? Subscriptions.data(message.topic)
        : "ack" in message
          ? Subscriptions.ack(message.ack)
          : undefined,
    buffer: { capacity: 64 },
    dataClock: { quiet: "2500 millis", ladder: [] }
  })

const read = (options: Options, feed: string, subscriptions: Subscriptions.Subscriptions<string, FromServer>) =>
  Effect.forEach(
    topics,
    (topic) => {
      const name = topicOf(feed, topic)
      return subscriptions.entries(topic).pipe(
        Stream.mapEffect((entry) => Effect.as(slowly(options.slow.has(feed)), entry)),
        Stream.runForEach((entry) =>
          Effect.sync(() => {
            if (entry._tag !== "Message") {
              if (!options.sabotage) options.ledger.marker(feed, name)
            } else if ("seq" in entry.message) options.ledger.message(feed, name, entry.message.seq)
          })
        )
      )
    },
    { concurrency: "unbounded", discard: true }
  )

const slowly = (slow: boolean) => (slow ? Effect.sleep("200 millis") : Effect.void)

/** One order a quarter of a second; each ends in exactly one outcome. */
const trade = ({ ledger, trading }: Options, feed: string, connection: Feed) =>
  Effect.gen(function* () {
    for (let number = 1; trading(); number++) {
      const order = `${feed}#${number}`
      ledger.ordered(order)
      yield* Connection.track(connection, { op: "order", order }).pipe(
        Effect.flatMap((outcome) =>
          Effect.forkScoped(Effect.map(outcome, (delivery) => ledger.settled(order, delivery._tag)))
        ),
        Effect.catch(() => Effect.sync(() => ledger.refused(order)))
      )
      yield* Effect.sleep("250 millis")
    }
  })

// The restart comes from outside: a reader of the feed knows only its name.
const supervise = (options: Options, feed: string, subscriptions: Subscriptions.Subscriptions<string, FromServer>) =>
  Stream.runForEach(subscriptions.events, (event) => {
    if (event._tag !== "Silent") return Effect.void
    options.onRestart(feed)
    return ConnectionManager.ConnectionManager.use((manager) =>
      Effect.ignore(manager.restart(feed, { reason: "gone bad: no data" }))
    )
  })

/** Opens every feed; all of it ends with the scope. */
export const open = (options: Options) =>
  Effect.gen(function* () {
    const all = yield* Effect.forEach(
      feeds,
      (feed) =>
        Effect.gen(function* () {
          const connection = yield* connect(feed, options.ports[venueOf(feed)])
          const subscriptions = yield* subscribeTo(connection)
          yield* Effect.forkScoped(read(options, feed, subscriptions))
          yield* Effect.forkScoped(supervise(options, feed, subscriptions))
          yield* Effect.forkScoped(trade(options, feed, connection))
          yield* Effect.forkScoped(Stream.runDrain(connection.stream))
          return subscriptions
        }),
      { concurrency: "unbounded" }
    )
    const figures = Effect.forEach(all, (subscriptions) => subscriptions.figures)
    return {
      settled: Effect.map(figures, (each) => each.every(({ confirmed }) => confirmed === topics.length)),
      stray: Effect.map(figures, (each) => each.reduce((sum, { stray }) => sum + stray, 0))
    } satisfies Desk
  })
