/**
 * Subscriptions over a connection: you say which topics you want, and they stay
 * subscribed across sessions. What is wanted is compared with what the server
 * confirmed; the difference is sent in batches, acknowledgements of any shape
 * are awaited, and each new session gets every topic once, before it is Ready.
 *
 * Each subscriber has a stream of its own, with a `Gap` where messages may be
 * missing and a bound, so that a slow one slows nobody. Topics that are
 * acknowledged but silent are noticed, subscribed anew, and at last the
 * connection is restarted.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Connection } from "./Connection.ts"
import type { ConnectionError, InvalidOptions } from "./ConnectionError.ts"
import * as internal from "./internal/subscriptions/make.ts"
import type { PoolFull, Shards } from "./ConnectionPool.ts"
import * as internalSharded from "./internal/subscriptions/sharded.ts"
import type { RateLimit } from "./RateLimit.ts"
import type { Match } from "./SubscriptionMatch.ts"
import type { SubscriptionRejected } from "./SubscriptionState.ts"
import type { Entry, SubscriptionEvent, TopicState } from "./SubscriptionState.ts"
import type { Watch } from "./Watch.ts"

/**
 * What subscriptions need of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export type Line<In, Out> = Pick<Connection<In, Out>, "name" | "tap" | "send" | "state" | "restart">

/**
 * What subscriptions need of a pool.
 *
 * @category models
 * @since 0.1.0
 */
export type Pool<In, Out> = Pick<Shards<In, Out>, "name" | "place" | "release" | "find" | "moves">

/**
 * How many topics one message may name.
 *
 * @category options
 * @since 0.1.0
 */
export interface BatchOptions<in Out> {
  /** The most topics in one message. Default: 100. */
  readonly items?: number | undefined
  /** The most bytes of one message; a topic that alone is larger is rejected. Default: no bound. */
  readonly bytes?: number | undefined
  /** A message's size in bytes. Default: that of text and bytes, else of its JSON. */
  readonly size?: ((message: Out) => number) | undefined
}

/**
 * How much may wait for one subscriber.
 *
 * @category options
 * @since 0.1.0
 */
export interface BufferOptions {
  /** How many messages; 1 with `"dropOldest"` keeps the newest only. Default: 1,024. */
  readonly capacity?: number | undefined
  /** Which messages go when there are more; a `Lagged` stands in their place. Default: `"dropOldest"`. */
  readonly overflow?: "dropOldest" | "dropNewest" | undefined
}

/**
 * When a confirmed topic is too quiet, and what to do: an event first, then the
 * steps of the ladder, each after the same time again. Pings don't count, only
 * the topic's own data. Every restart that brought no data doubles the times.
 *
 * @category options
 * @since 0.1.0
 */
export interface DataClock<in Topic> {
  /** How long after the confirmation the first data may take. Default: as `quiet`. */
  readonly first?: Duration.Input | undefined
  /** How long a topic may be quiet after data; none for one whose function throws. Default: no limit. */
  readonly quiet?: Duration.Input | ((topic: Topic) => Duration.Input | undefined) | undefined
  /** Default: `["resubscribe", "restart"]`. */
  readonly ladder?: ReadonlyArray<"resubscribe" | "restart"> | undefined
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options<in Topic, in In, in out Out> {
  /** What makes two topics the same, and how `match` names them. Default: `String`. */
  readonly key?: ((topic: Topic) => string) | undefined
  /** The message that subscribes these topics. */
  readonly subscribe: (topics: ReadonlyArray<Topic>, id: number) => Out
  /** The message that unsubscribes them. Default: nothing is said, further data is ignored. */
  readonly unsubscribe?: ((topics: ReadonlyArray<Topic>, id: number) => Out) | undefined
  /** What a message means to the subscriptions; `undefined` leaves it to others. Cheap and synchronous. */
  readonly match: (message: In) => Match | undefined
  /**
   * Whether the server acknowledges. If not, what was sent counts as confirmed,
   * so a topic that is released and wanted again within one round trip may miss
   * messages without a `Gap`. Default: `true`.
   */
  readonly acks?: boolean | undefined
  /** How long an acknowledgement may take. Default: 5 seconds. */
  readonly ackTimeout?: Duration.Input | undefined
  /** How often a topic is asked for in one session without an acknowledgement. Default: 3. */
  readonly attempts?: number | undefined
  readonly batch?: BatchOptions<NoInfer<Out>> | undefined
  /** A limit on these messages alone, beside the connection's own. Default: none. */
  readonly rateLimit?: RateLimit | ReadonlyArray<RateLimit> | undefined
  /**
   * How long a session may stay short of Ready for its subscriptions; what is
   * left then follows after. Keep it below the connection's `openTimeout`.
   * Default: 5 seconds.
   */
  readonly openWithin?: Duration.Input | undefined
  readonly buffer?: BufferOptions | undefined
  /** Default: none, since how quiet a healthy topic may be is known to you alone. */
  readonly dataClock?: DataClock<Topic> | undefined
  /**
   * What makes two messages of a topic the same, for the overlap of a rotation;
   * nothing for one that it throws for. Default: nothing.
   */
  readonly dedupe?: ((message: In) => unknown) | undefined
  /** The first id; several `Subscriptions` on one connection need ids apart. Default: 1. */
  readonly firstId?: number | undefined
}

/**
 * @category options
 * @since 0.1.0
 */
export interface ShardedOptions<in Topic, in In, in out Out> extends Options<Topic, In, Out> {
  /** What a topic counts against the pool's `maxSize`. Default: 0. */
  readonly size?: ((topic: Topic) => number) | undefined
}

/**
 * One subscriber's hold on a topic.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscription<out In> {
  /** The topic's key. */
  readonly topic: string
  readonly state: Watch<TopicState>
  /** Waits until the server confirmed it. */
  readonly confirmed: Effect.Effect<void, SubscriptionRejected>
  /** The topic's messages from the moment it was subscribed here; one reader at a time. */
  readonly stream: Stream.Stream<In, ConnectionError>
  /** The same with continuity in-band. */
  readonly entries: Stream.Stream<Entry<In>, ConnectionError>
}

/**
 * A topic that somebody wants, as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicFigures {
  readonly topic: string
  readonly state: TopicState
  readonly subscribers: number
  readonly messages: number
  /** In Unix milliseconds. */
  readonly lastMessageAt: number | undefined
}

/**
 * Counts so far, as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Figures {
  readonly topics: number
  readonly confirmed: number
  /** Messages that subscribed or unsubscribed something. */
  readonly requests: number
  readonly ackTimeouts: number
  readonly rejections: number
  /** Data of topics that nobody wants any more. */
  readonly stray: number
  /** Messages that an overlap brought twice. */
  readonly duplicates: number
  /** Messages that slow subscribers lost. */
  readonly dropped: number
  readonly resubscribed: number
  readonly restarts: number
}

/**
 * The topics of one connection, or of a pool; `E` is why a pool may refuse one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscriptions<in Topic, out In, out E = never> {
  /** Holds a topic until the Scope closes; the last one to let go unsubscribes it. */
  readonly subscribe: (topic: Topic, buffer?: BufferOptions) => Effect.Effect<Subscription<In>, E, Scope.Scope>
  /** A stream that holds the topic while it runs; each run has a buffer of its own. */
  readonly stream: (topic: Topic, buffer?: BufferOptions) => Stream.Stream<In, ConnectionError | E>
  /** The same with continuity in-band. */
  readonly entries: (topic: Topic, buffer?: BufferOptions) => Stream.Stream<Entry<In>, ConnectionError | E>
  readonly topics: Effect.Effect<ReadonlyArray<TopicFigures>>
  readonly figures: Effect.Effect<Figures>
  /** What happens, from the moment it is run; a slow observer loses the oldest. */
  readonly events: Stream.Stream<SubscriptionEvent>
}

/**
 * Makes subscriptions on a connection, for as long as the Scope lives.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as Connection from "kharbranth/Connection"
 * import * as SubscriptionMatch from "kharbranth/SubscriptionMatch"
 * import * as Subscriptions from "kharbranth/Subscriptions"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { deepStrictEqual } from "node:assert"
 *
 * interface FromServer { readonly ack?: number; readonly topic?: string; readonly price?: number }
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make({ seed: 1 })
 *   yield* network.serve("wss://feed.example/", (peer) =>
 *     peer.listen({
 *       frame: (frame) => {
 *         const { id, topics } = JSON.parse(String(frame))
 *         const prices = topics.map((topic: string) => JSON.stringify({ topic, price: topic.length }))
 *         peer.sendUnsafe([JSON.stringify({ ack: id }), ...prices])
 *       }
 *     }))
 *   return yield* Effect.gen(function*() {
 *     const connection = yield* Connection.make("feed", {
 *       target: "wss://feed.example/",
 *       codec: Codec.jsonAs<FromServer, unknown>()
 *     })
 *     const subscriptions = yield* Subscriptions.make(connection, {
 *       subscribe: (topics: ReadonlyArray<string>, id) => ({ op: "subscribe", topics, id }),
 *       match: (message) =>
 *         message.topic === undefined ? SubscriptionMatch.ack(message.ack) : SubscriptionMatch.data(message.topic)
 *     })
 *     return yield* subscriptions.stream("BTC-USD").pipe(Stream.take(1), Stream.runCollect)
 *   }).pipe(network.provide)
 * })
 *
 * deepStrictEqual(await Effect.runPromise(Effect.scoped(program)), [{ topic: "BTC-USD", price: 7 }])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Topic, In, Out>(
  connection: Line<In, Out>,
  options: Options<Topic, In, Out>
): Effect.Effect<Subscriptions<Topic, In>, InvalidOptions, Scope.Scope> => internal.make(connection, options)

/**
 * Makes subscriptions on a pool of shards, for as long as the Scope lives: as
 * many topics as the caps of its members allow together, in one registry. A
 * topic is an item of the pool, by its key. It is carried by the least loaded
 * member, and each session of that member gets its topics before it is Ready;
 * when the member dies they are subscribed by others, and their streams go on
 * with a `Gap`. While nobody has room for a topic it is `Waiting`.
 *
 * A topic that no member can carry, nor any that may still be opened, is refused
 * with `PoolFull`. An entry's `epoch` is that of the member that brought it. The
 * streams end when the pool does.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as ConnectionManager from "kharbranth/ConnectionManager"
 * import * as ConnectionPool from "kharbranth/ConnectionPool"
 * import * as SubscriptionMatch from "kharbranth/SubscriptionMatch"
 * import * as Subscriptions from "kharbranth/Subscriptions"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { deepStrictEqual } from "node:assert"
 *
 * interface FromServer { readonly ack?: number; readonly topic?: string }
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://feed.example/", (peer) =>
 *     peer.listen({ frame: (frame) => peer.sendUnsafe([JSON.stringify({ ack: JSON.parse(String(frame)).id })]) }))
 *   return yield* Effect.gen(function*() {
 *     const manager = yield* ConnectionManager.make()
 *     const pool = yield* ConnectionPool.shards(manager, "feed", {
 *       member: () => ({ target: "wss://feed.example/", codec: Codec.jsonAs<FromServer, unknown>() }),
 *       maxCount: 2
 *     })
 *     const subscriptions = yield* Subscriptions.sharded(pool, {
 *       subscribe: (topics: ReadonlyArray<string>, id) => ({ op: "subscribe", topics, id }),
 *       match: ({ ack, topic }) => topic === undefined ? SubscriptionMatch.ack(ack) : SubscriptionMatch.data(topic)
 *     })
 *     for (const topic of ["BTC", "ETH", "SOL"]) yield* (yield* subscriptions.subscribe(topic)).confirmed
 *     return (yield* pool.members).map(({ count }) => count)
 *   }).pipe(network.provide)
 * })
 *
 * deepStrictEqual(await Effect.runPromise(Effect.scoped(program)), [2, 1])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const sharded = <Topic, In, Out>(
  pool: Pool<In, Out>,
  options: ShardedOptions<Topic, In, Out>
): Effect.Effect<Subscriptions<Topic, In, PoolFull | ConnectionError>, InvalidOptions, Scope.Scope> =>
  internalSharded.make(pool, options)
