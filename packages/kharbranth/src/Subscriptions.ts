/**
 * Subscriptions over a connection: you say which topics you want, and they stay
 * subscribed across sessions. What is wanted is compared with what the server
 * confirmed; the difference is sent in batches, acknowledgements of any shape
 * are awaited, and each new session gets every topic once, before it is Ready.
 *
 * Each subscriber has a stream of its own, with a `Gap` where messages may be
 * missing and a bound, so that a slow one slows nobody. Topics that are
 * acknowledged but silent are noticed, subscribed again, and at last the
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
import type { SubscriptionRejected } from "./internal/subscriptions/topic.ts"
import type { Lagged, Message } from "./Inbox.ts"
import type { Watch } from "./Watch.ts"

/**
 * What subscriptions need of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export type Carrier<In, Out> = Pick<Connection<In, Out>, "name" | "tap" | "send" | "state" | "restart">

/**
 * What subscriptions need of a pool.
 *
 * @category models
 * @since 0.1.0
 */
export type Pool<In, Out> = Pick<Shards<In, Out>, "name" | "place" | "release" | "find" | "moves">

/**
 * Data of one topic, or of several at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Data {
  readonly _tag: "Data"
  readonly topics: string | ReadonlyArray<string>
}

/**
 * A request was granted: that with the id, or the oldest; for these topics, or
 * for all of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ack {
  readonly _tag: "Ack"
  readonly id: number | undefined
  readonly topics: ReadonlyArray<string> | undefined
}

/**
 * The whole list of what is subscribed now.
 *
 * @category models
 * @since 0.1.0
 */
export interface Current {
  readonly _tag: "Current"
  readonly topics: ReadonlyArray<string>
}

/**
 * A request was refused: that with the id, or the oldest; for these topics, or
 * for all of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Nack {
  readonly _tag: "Nack"
  readonly id: number | undefined
  readonly topics: ReadonlyArray<string> | undefined
  readonly reason: string
}

/**
 * One answer that grants some topics of a request and refuses others. With one
 * list only, the rest of the request is in the other one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly _tag: "Answer"
  readonly id: number | undefined
  readonly granted: ReadonlyArray<string> | undefined
  readonly refused: ReadonlyArray<string> | undefined
  readonly reason: string
}

/**
 * Data of several messages that a codec made one of, such as all frames that came
 * together: that is cheaper than each by itself, above all for topics that nobody
 * reads.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch<out In> {
  readonly _tag: "Batch"
  /** The topic of each message, or its topics. */
  readonly topics: ReadonlyArray<string | ReadonlyArray<string>>
  /** Makes the message with this index. For a topic that nobody reads it is seldom called. */
  readonly message: (index: number) => In
}

/**
 * What a message says about topics: their data, or the answer to a request.
 *
 * @category models
 * @since 0.1.0
 */
export type Match = Data | Ack | Current | Nack | Answer

const listOf = (topics: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> | undefined =>
  typeof topics === "string" ? [topics] : topics

// Servers send ids back as text too; one that is no number is nobody's.
const idOf = (id: number | string | undefined): number | undefined => (id === undefined ? undefined : Number(id))

/**
 * Data of one topic, or of several.
 *
 * @category constructors
 * @since 0.1.0
 */
export const data = (topics: string | ReadonlyArray<string>): Data => ({ _tag: "Data", topics })

/**
 * Data of several messages that a codec made one of.
 *
 * @example
 * ```ts
 * import * as Subscriptions from "kharbranth/Subscriptions"
 * import { deepStrictEqual } from "node:assert"
 *
 * // A codec that puts all that came together in one list.
 * const trades = [{ symbol: "BTC", price: 64_000 }, { symbol: "ETH", price: 3_400 }]
 * const match = Subscriptions.batch(trades.map(({ symbol }) => symbol), (index) => [trades[index]!])
 * deepStrictEqual([match.topics, match.message(1)], [["BTC", "ETH"], [{ symbol: "ETH", price: 3_400 }]])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const batch = <In>(
  topics: ReadonlyArray<string | ReadonlyArray<string>>,
  message: (index: number) => In
): Batch<In> => ({ _tag: "Batch", topics, message })

/**
 * A request was granted. Without an id it is the oldest one, or with topics
 * whichever asked for them; without topics it is all of the request.
 *
 * @example
 * ```ts
 * import * as Subscriptions from "kharbranth/Subscriptions"
 * import { deepStrictEqual } from "node:assert"
 *
 * const perRequest = Subscriptions.ack(7)
 * const perTopic = Subscriptions.ack(undefined, "BTC-USD")
 * deepStrictEqual([perRequest.topics, perTopic.topics], [undefined, ["BTC-USD"]])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const ack = (id?: number | string, topics?: string | ReadonlyArray<string>): Ack => ({
  _tag: "Ack",
  id: idOf(id),
  topics: listOf(topics)
})

/**
 * The whole list of what is subscribed now. A confirmed topic that is not in it
 * is subscribed again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const current = (topics: ReadonlyArray<string>): Current => ({ _tag: "Current", topics })

/**
 * A request was refused, with the reason to report.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nack = (options: {
  readonly id?: number | string | undefined
  readonly topics?: string | ReadonlyArray<string> | undefined
  readonly reason?: string | undefined
}): Nack => ({
  _tag: "Nack",
  id: idOf(options.id),
  topics: listOf(options.topics),
  reason: options.reason ?? "the server refused it"
})

/**
 * A request was granted in part. Name the topics that are granted, those that
 * are refused, or both: with one list only, whatever else the request asked for
 * is in the other one; with both, what neither names is still open. Without an
 * id it is the oldest request.
 *
 * @example
 * ```ts
 * import * as Subscriptions from "kharbranth/Subscriptions"
 * import { deepStrictEqual } from "node:assert"
 *
 * // Answers with what it granted: { id: 7, result: ["book.BTC"] }.
 * const listed = Subscriptions.answer({ id: 7, granted: ["book.BTC"], reason: "no such channel" })
 * // Names both: { id: 8, success: ["BTC"], fail: ["XXX"] }.
 * const both = Subscriptions.answer({ id: 8, granted: ["BTC"], refused: ["XXX"] })
 * deepStrictEqual([listed.refused, both.refused], [undefined, ["XXX"]])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const answer = (options: {
  readonly id?: number | string | undefined
  readonly granted?: string | ReadonlyArray<string> | undefined
  readonly refused?: string | ReadonlyArray<string> | undefined
  /** Why the refused ones are. */
  readonly reason?: string | undefined
}): Answer => ({
  _tag: "Answer",
  id: idOf(options.id),
  granted: listOf(options.granted),
  refused: listOf(options.refused),
  reason: options.reason ?? "the server refused it"
})

/**
 * Where a topic stands with the server.
 *
 * - `Waiting`: no session has been asked for it yet.
 * - `Asked`: the request is on its way.
 * - `Confirmed`: the server granted it, or its data came.
 * - `Silent`: it is confirmed, and its data clock has run out.
 * - `Rejected`: the server refused it, or never answered, or the connection is
 *   over; the next session, if there is one, tries again.
 * - `Quarantined`: sessions ended whenever it was asked for, so it is not asked for.
 * - `Released`: nobody wants it any more.
 *
 * @category models
 * @since 0.1.0
 */
export type TopicState =
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Asked"; readonly epoch: number }
  | { readonly _tag: "Confirmed"; readonly epoch: number; readonly since: number }
  | {
      readonly _tag: "Silent"
      readonly epoch: number
      readonly since: number
      /** Whether this session ever brought data of it. */
      readonly delivered: boolean
    }
  | { readonly _tag: "Rejected"; readonly epoch: number; readonly reason: string }
  | {
      readonly _tag: "Quarantined"
      /** In Unix milliseconds. */
      readonly since: number
      /** When it is asked for again, in Unix milliseconds; `undefined`: not by itself. */
      readonly until: number | undefined
      readonly reason: string
    }
  | { readonly _tag: "Released" }

/**
 * Why you subscribe a topic again: a number of its sequence is missing, its
 * checksum does not agree, or a reason of your own, such as `"custom:stale"`.
 *
 * @category models
 * @since 0.1.0
 */
export type ResubscribeReason = "sequence" | "checksum" | `custom:${string}`

/**
 * Messages of this topic may be missing here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  readonly _tag: "Gap"
  /** The session that goes on from here. */
  readonly epoch: number
  /** When the last message before it came, in Unix milliseconds. */
  readonly from: number | undefined
  readonly to: number
  /**
   * A session ended, or the topic was subscribed again within one: because the
   * server dropped it or its data clock ran out (`"resubscribed"`), or because
   * you asked for it with your reason.
   */
  readonly reason: "session" | "resubscribed" | ResubscribeReason
}

/**
 * An element of a topic's `entries`.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry<In> = Message<In> | Gap | Lagged

/**
 * What happens to subscriptions and is no state.
 *
 * @category models
 * @since 0.1.0
 */
export type SubscriptionEvent =
  | { readonly _tag: "AckTimedOut"; readonly epoch: number; readonly topics: ReadonlyArray<string> }
  | { readonly _tag: "Rejected"; readonly epoch: number; readonly topic: string; readonly reason: string }
  | {
      readonly _tag: "Silent"
      readonly epoch: number
      readonly topic: string
      readonly after: Duration.Duration
      /** Whether this session ever brought data of it; if not, it is acked but silent. */
      readonly delivered: boolean
    }
  | {
      readonly _tag: "Resubscribed"
      readonly epoch: number
      readonly topic: string
      readonly why: "silent" | "dropped" | ResubscribeReason
    }
  | { readonly _tag: "RestartAsked"; readonly epoch: number; readonly topic: string }
  /** A session ended while these topics were unanswered. They are asked for again, apart from the others. */
  | { readonly _tag: "Suspected"; readonly epoch: number; readonly topics: ReadonlyArray<string> }
  | { readonly _tag: "Quarantined"; readonly epoch: number; readonly topic: string; readonly reason: string }

export {
  /**
   * The server did not grant a topic.
   *
   * @category errors
   * @since 0.1.0
   */
  SubscriptionRejected
} from "./internal/subscriptions/topic.ts"

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
 * When a topic whose subscription ends its session is asked for no more.
 *
 * Topics that were unanswered when the peer or the network cut a session are
 * suspects. The next session asks for all others first, and then for the
 * suspects, one group at a time; a group that ends its session is halved. In the
 * end a topic that is asked for alone, in a session that works, ends it
 * `deaths` times in a row: it is in quarantine. An answer clears a suspect, and
 * so does a session that lasts for `within` after the request.
 *
 * @category options
 * @since 0.1.0
 */
export interface QuarantineOptions {
  /** How soon after a request a session must end to make suspects of its topics. Default: 5 seconds. */
  readonly within?: Duration.Input | undefined
  /** How many sessions in a row a topic must end alone. Default: 2. */
  readonly deaths?: number | undefined
  /** How long a quarantine lasts; `"Infinity"` lasts until `retry`. Default: 30 minutes. */
  readonly lasts?: Duration.Input | undefined
}

/**
 * How topics are asked for, answers recognized, and data routed.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<in Topic, in out In, in out Out, in out Memory = undefined> {
  /** What makes two topics the same, and how `match` names them. Default: `String`. */
  readonly key?: ((topic: Topic) => string) | undefined
  /** The message that subscribes these topics. */
  readonly subscribe: (topics: ReadonlyArray<Topic>, id: number, memory: Memory) => Out
  /** The message that unsubscribes them. Default: nothing is said, further data is ignored. */
  readonly unsubscribe?: ((topics: ReadonlyArray<Topic>, id: number, memory: Memory) => Out) | undefined
  /** What a message means to the subscriptions; `undefined` leaves it to others. Cheap and synchronous. */
  readonly match: (message: In, memory: Memory) => Match | Batch<In> | undefined
  /**
   * Makes what you remember of one session, such as the channel ids that its
   * server gave to topics: `match` fills it, and the messages to that session
   * are made with it. Two sessions that overlap have one each. Default: none.
   */
  readonly memory?: (() => Memory) | undefined
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
   * left then follows after. Keep it below the connection's `openTimeout`. With 0
   * topics are asked for once the session is Ready: for snapshots that together
   * are larger than `openBuffer`. A rotation then leaves a `Gap` in each topic.
   * Default: 5 seconds.
   */
  readonly openWithin?: Duration.Input | undefined
  readonly buffer?: BufferOptions | undefined
  /** Default: none, since how quiet a healthy topic may be is known to you alone. */
  readonly dataClock?: DataClock<Topic> | undefined
  /**
   * When a topic that ends its sessions is asked for no more; `false` for never.
   * Default: as in `QuarantineOptions`, and `false` where `acks` is `false`.
   */
  readonly quarantine?: QuarantineOptions | false | undefined
  /**
   * What makes two messages of a topic the same, for the overlap of a rotation;
   * nothing for one that it throws for. Default: nothing.
   */
  readonly dedupe?: ((message: In) => unknown) | undefined
  /** The first id; several `Subscriptions` on one connection need ids apart. Default: 1. */
  readonly firstId?: number | undefined
}

/**
 * What `sharded` takes besides: how much room a topic needs in its shard.
 *
 * @category options
 * @since 0.1.0
 */
export interface ShardedOptions<in Topic, in out In, in out Out, in out Memory = undefined> extends Options<
  Topic,
  In,
  Out,
  Memory
> {
  /** What a topic counts against the pool's `maxSize`. Default: 0. */
  readonly size?: ((topic: Topic) => number) | undefined
}

/**
 * A topic that is held, and where it stands.
 *
 * @category models
 * @since 0.1.0
 */
export interface Held {
  /** The topic's key. */
  readonly topic: string
  readonly state: Watch<TopicState>
  /** Waits until the server confirmed it; fails when it is refused, in quarantine or gone. */
  readonly confirmed: Effect.Effect<void, SubscriptionRejected>
}

/**
 * What `forward` calls with what comes of a topic. The functions run within the
 * callback of the socket: they must be cheap, and bound what they keep. One that
 * throws misses what it was called with, and nobody else does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Receiver<in In> {
  /** A message, and the session that brought it. Default: nothing. */
  readonly message?: ((message: In, epoch: number) => void) | undefined
  /** Messages may be missing between the last one and the next. Default: nothing. */
  readonly gap?: ((gap: Gap) => void) | undefined
  /** Nothing follows: the topic was released, or its connection is over, by this error if it failed. Default: nothing. */
  readonly ended?: ((error: ConnectionError | undefined) => void) | undefined
}

/**
 * One subscriber's hold on a topic.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscription<out In> extends Held {
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
  readonly quarantined: number
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
  /**
   * Holds a topic like `subscribe`, and forwards what comes to functions at once:
   * no buffer, no fiber and no turn between. For one that keeps a bounded state of
   * its own, such as the newest price or an order book, or that only wants the
   * topic to stay subscribed.
   */
  readonly forward: (topic: Topic, receiver: Receiver<In>) => Effect.Effect<Held, E, Scope.Scope>
  /** A stream that holds the topic while it runs; each run has a buffer of its own. */
  readonly stream: (topic: Topic, buffer?: BufferOptions) => Stream.Stream<In, ConnectionError | E>
  /** The same with continuity in-band. */
  readonly entries: (topic: Topic, buffer?: BufferOptions) => Stream.Stream<Entry<In>, ConnectionError | E>
  /**
   * Unsubscribes a topic and subscribes it again within its session, for all of
   * its subscribers: for servers that send a fresh snapshot then. Messages that
   * come before the `Gap` with your reason are of the old subscription.
   *
   * Succeeds at once; `false` when there is nothing to do, because the topic is
   * not confirmed, or is about to be subscribed again already.
   */
  readonly resubscribe: (topic: Topic, reason: ResubscribeReason) => Effect.Effect<boolean>
  /**
   * Asks again for a topic in quarantine; `false` when it is not there. It is
   * asked for alone, once its session has shown that it works.
   */
  readonly retry: (topic: Topic) => Effect.Effect<boolean>
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
 *         message.topic === undefined ? Subscriptions.ack(message.ack) : Subscriptions.data(message.topic)
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
export const make = <Topic, In, Out, Memory = undefined>(
  connection: Carrier<In, Out>,
  options: Options<Topic, In, Out, Memory>
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
 *       match: ({ ack, topic }) => topic === undefined ? Subscriptions.ack(ack) : Subscriptions.data(topic)
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
export const sharded = <Topic, In, Out, Memory = undefined>(
  pool: Pool<In, Out>,
  options: ShardedOptions<Topic, In, Out, Memory>
): Effect.Effect<Subscriptions<Topic, In, PoolFull | ConnectionError>, InvalidOptions, Scope.Scope> =>
  internalSharded.make(pool, options)
