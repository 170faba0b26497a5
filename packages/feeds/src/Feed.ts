/**
 * Market data of one or more venues: say which topics you want, and read them as
 * streams of events, or as books that are right or say that they are not.
 *
 * A feed opens as many connections as the venues' limits ask for, keeps the
 * topics subscribed across reconnects and rotations, and marks in-band where
 * events may be missing. What nobody reads is not decoded.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type { Manager } from "kharbranth/ConnectionManager"
import type { TopicState } from "kharbranth/Subscriptions"
import type { Transport } from "kharbranth/Transport"
import type { Watch } from "kharbranth/Watch"
import type * as Book from "./Book.ts"
import type { Quotes } from "./Depth.ts"
import type { FeedError } from "./FeedError.ts"
import type { EventOf, FeedEvent, Marker, Reason } from "./FeedEvent.ts"
import * as internal from "./internal/feed/make.ts"
import type { Channel, Topic } from "./Topic.ts"
import type { Venue } from "./Venue.ts"

/**
 * What `make` and `layer` take.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The venue, where there is one. */
  readonly venue?: Venue | undefined
  /** The venues, where there are several; a topic then names its own. */
  readonly venues?: ReadonlyArray<Venue> | undefined
  /** The most connections of one line of a venue. Default: 64. */
  readonly maxConnections?: number | undefined
  /**
   * How many lines carry every topic at the same time. Each event comes from
   * whichever is first, and a line that is lost is no gap. Default: 1.
   */
  readonly lines?: number | undefined
  /**
   * How long a topic may be quiet after data before it is subscribed again, and
   * then its connection replaced. Default: no limit, since how quiet a healthy
   * topic may be is known to you alone.
   */
  readonly quiet?: ((topic: Topic) => Duration.Input | undefined) | undefined
  /**
   * Looks at each event that is read, and says why its feed has gone bad, if it
   * has: the connection is then replaced, at most once in 5 seconds. Default: nothing.
   */
  readonly suspect?: ((event: FeedEvent, topic: Topic) => string | undefined) | undefined
  /** Whether the trades that a gap swallowed are fetched over HTTP, where the venue has them. Default: `false`. */
  readonly backfill?: boolean | undefined
}

/**
 * How a stream of a topic is read.
 *
 * @category options
 * @since 0.1.0
 */
export interface ReadOptions {
  /**
   * How many frames, or changes of a book, may wait for this reader; beyond, the
   * oldest go and a `Lagged` stands in their place. Of a book all go, and its
   * newest state stands there. 1 keeps the newest only. Default: 1,024.
   */
  readonly capacity?: number | undefined
}

/**
 * An event or a marker, with the topic that it is of.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicEntry<C extends Channel = Channel> {
  /** The topic as it was given to `merged`. */
  readonly topic: Topic<C>
  readonly entry: EventOf<C> | Marker
}

/**
 * A frame as the venue sent it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Raw {
  readonly _tag: "Raw"
  readonly text: string
  /** In Unix milliseconds, as all times here. */
  readonly arrivalTime: number
  readonly deliveryTime: number
}

/**
 * A book that is kept up to date in the background.
 *
 * @category models
 * @since 0.1.0
 */
export interface FeedBook {
  readonly topic: Topic<"book">
  readonly status: Watch<Book.Status>
  /** Waits until the book is right. */
  readonly synced: Effect.Effect<void>
  /** The book now, for the functions of `Book` and `Depth`. It changes as updates come. */
  readonly book: Effect.Effect<Book.Book>
  /** The book now, and again after each change; a slow observer skips to the newest state. */
  readonly changes: Stream.Stream<Book.Book>
  /** The best bid and offer; `None` unless the book is `Synced`, as are the others. */
  readonly bbo: Effect.Effect<ReturnType<typeof Book.bbo>>
  readonly depth: (levels: number) => Effect.Effect<Option.Option<Book.Levels>>
  readonly vwap: (side: "buy" | "sell", size: number) => Effect.Effect<Option.Option<number>>
  /** What it holds, be it right or not. */
  readonly lastKnown: Effect.Effect<Book.Levels>
}

/**
 * The best prices over several books, kept up to date.
 *
 * @category models
 * @since 0.1.0
 */
export interface Consolidated {
  readonly best: Effect.Effect<Quotes>
  /** The best prices now, and after each change of any of the books; a slow observer skips to the newest. */
  readonly changes: Stream.Stream<Quotes>
}

/**
 * Counts of one line of a venue, as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface LineFigures {
  readonly line: string
  readonly venue: string
  readonly connections: number
  readonly ready: number
  readonly topics: number
  readonly confirmed: number
  readonly frames: number
  /** Frames that are no data, no answer and no notice. */
  readonly unknown: number
  readonly errors: number
  readonly notices: number
  /** Holes in the count of a connection. */
  readonly gaps: number
  /** Frames that did not decode as what their topic carries. */
  readonly malformed: number
  readonly reconnects: number
  /** Events that this line brought first, and those that another one had brought before. */
  readonly wins: number
  readonly late: number
  /** How far behind the winner the late ones came on average, in milliseconds. */
  readonly lag: number | undefined
  /** How much of the venue's HTTP limit the present window has seen. */
  readonly restUsed: number
}

/**
 * A topic that is wanted, as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicFigures {
  readonly line: string
  readonly topic: string
  readonly state: TopicState
  readonly messages: number
  readonly lastMessageAt: number | undefined
}

/**
 * What a feed does by itself, and what venues say to whole connections.
 *
 * @category models
 * @since 0.1.0
 */
export type FeedReport =
  | {
      readonly _tag: "Resync"
      readonly line: string
      readonly topic: Topic
      readonly step: "rest" | "resubscribe" | "reconnect"
      readonly reason: Reason | "first"
      readonly attempt: number
    }
  | { readonly _tag: "RestFailed"; readonly line: string; readonly topic: Topic; readonly issue: string }
  | { readonly _tag: "VenueError"; readonly line: string; readonly connection: string; readonly reason: string }
  | {
      readonly _tag: "Notice"
      readonly line: string
      readonly connection: string
      readonly want: "rotate" | "pause" | "resume"
    }
  | { readonly _tag: "ReconnectAsked"; readonly line: string; readonly connection: string; readonly reason: string }

/**
 * A feed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Feed {
  /** The connections behind it, to watch and to steer. */
  readonly connections: Manager
  /** Events of a topic, with what may be missing in-band. Each run subscribes by itself; the venue is asked once. */
  readonly entries: <C extends Channel>(
    topic: Topic<C>,
    options?: ReadOptions
  ) => Stream.Stream<EventOf<C> | Marker, FeedError>
  /** The same without the markers. */
  readonly stream: <C extends Channel>(topic: Topic<C>, options?: ReadOptions) => Stream.Stream<EventOf<C>, FeedError>
  /**
   * The entries of many topics in one stream, those of each in order. Its reader wakes once for all that came. Every
   * topic has a buffer of its own, of the capacity in `options`. Ends when all topics have; fails when one does.
   */
  readonly merged: <C extends Channel>(
    topics: ReadonlyArray<Topic<C>>,
    options?: ReadOptions
  ) => Stream.Stream<TopicEntry<C>, FeedError>
  /** The topic's frames as they came, with what may be missing in-band. */
  readonly raw: (topic: Topic, options?: ReadOptions) => Stream.Stream<Raw | Marker, FeedError>
  /** The topic's book, kept right until the Scope closes; everybody who asks shares one. */
  readonly book: (topic: Topic<"book">) => Effect.Effect<FeedBook, FeedError, Scope.Scope>
  /** The best prices over the books of several topics. */
  readonly consolidated: (topics: ReadonlyArray<Topic<"book">>) => Effect.Effect<Consolidated, FeedError, Scope.Scope>
  /** Keeps a topic subscribed until the Scope closes, without reading it. */
  readonly hold: (topic: Topic) => Effect.Effect<void, FeedError, Scope.Scope>
  /** Starts a topic over: its book is stale until it is right again. */
  readonly resync: (topic: Topic) => Effect.Effect<void, FeedError>
  /** Replaces the session of every connection of a venue, or of one of its lines. */
  readonly reconnect: (venue: string, line?: string) => Effect.Effect<void>
  readonly lines: Effect.Effect<ReadonlyArray<LineFigures>>
  readonly topics: Effect.Effect<ReadonlyArray<TopicFigures>>
  /** What happens, from the moment it is run; a slow observer loses the oldest. */
  readonly reports: Stream.Stream<FeedReport>
}

/**
 * Makes a feed that lives as long as its Scope. No connection is opened before
 * the first topic is wanted.
 *
 * @example
 * ```ts
 * import * as Feed from "@kharbranth/feeds/Feed"
 * import * as Topic from "@kharbranth/feeds/Topic"
 * import * as Bybit from "@kharbranth/feeds/venues/Bybit"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { deepStrictEqual } from "node:assert"
 *
 * // One trade for everybody who subscribes.
 * const trade = { T: 0, s: "BTCUSDT", S: "Buy", v: "0.1", p: "90000.5", i: "1" }
 * const venue = (peer: TestNetwork.Peer) =>
 *   peer.listen({
 *     frame: (frame) => {
 *       const { req_id, op } = JSON.parse(String(frame))
 *       const answer = { success: true, ret_msg: "", req_id, op }
 *       const data = { topic: "publicTrade.BTCUSDT", type: "snapshot", ts: 0, data: [trade] }
 *       peer.sendUnsafe([JSON.stringify(answer), JSON.stringify(data)])
 *     }
 *   })
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://bybit.example/", venue)
 *   const feed = yield* network.provide(Feed.make({ venue: Bybit.make({ target: "wss://bybit.example/" }) }))
 *   return yield* feed.stream(Topic.trades("BTCUSDT")).pipe(Stream.take(1), Stream.runCollect)
 * })
 *
 * const [found] = await Effect.runPromise(Effect.scoped(program))
 * deepStrictEqual([found?.side, found?.priceText], ["buy", "90000.5"])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Feed, ConnectionError, Scope.Scope | Transport> = internal.make

/**
 * A feed as a service.
 *
 * @category services
 * @since 0.1.0
 */
export class MarketFeed extends Context.Service<MarketFeed, Feed>()("@kharbranth/feeds/Feed") {}

/**
 * The feed as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<MarketFeed, ConnectionError, Transport> =>
  Layer.effect(MarketFeed, make(options))
