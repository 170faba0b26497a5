/**
 * What users hold of `Subscriptions`, on one connection or on a pool: subscribers
 * with their buffers and streams, and the figures of all topics.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Public from "../../Subscriptions.ts"
import type { SubscriptionEvent, TopicState } from "../../Subscriptions.ts"
import type { Fanout } from "../kit/fanout.ts"
import type { Counts, Registry } from "./registry.ts"
import { SubscriberBuffer } from "./buffer.ts"
import { Forwarder } from "./forwarder.ts"
import type { TopicReader } from "./reader.ts"
import { SubscriptionRejected, type Topic } from "./topic.ts"

/** The options that concern subscribers. */
export type BaseOptions<T> = Pick<Public.Options<T, unknown, unknown>, "key" | "buffer">

export abstract class SubscriptionsBase<T, In, E> implements Public.Subscriptions<T, In, E> {
  /** Of the connection, or of the pool. */
  protected readonly name: string
  readonly events: Stream.Stream<SubscriptionEvent>
  private readonly options: BaseOptions<T>
  private readonly counts: Counts

  constructor(name: string, options: BaseOptions<T>, counts: Counts, events: Fanout<SubscriptionEvent>) {
    this.name = name
    this.options = options
    this.counts = counts
    this.events = events.stream(1024)
  }

  /** Every topic that somebody wants. */
  protected abstract readonly all: ReadonlyMap<string, Topic<T, In>>
  /** Gives a subscriber its topic. */
  protected abstract join(key: string, value: T, reader: TopicReader<In>): Effect.Effect<Topic<T, In>, E>
  /** A subscriber is gone. */
  protected abstract leave(topic: Topic<T, In>, reader: TopicReader<In>): Effect.Effect<void>
  /** Who carries a topic now, if anybody does. */
  protected abstract registryOf(key: string): Registry<T, In> | undefined

  readonly subscribe = (
    topic: T,
    buffer?: Public.BufferOptions
  ): Effect.Effect<Public.Subscription<In>, E, Scope.Scope> =>
    Effect.suspend(() => {
      const reader = this.newReader(buffer)
      return Effect.map(this.hold(topic, reader), (held) => ({
        ...held,
        stream: reader.stream,
        entries: reader.entries
      }))
    })

  readonly forward = (topic: T, receiver: Public.Receiver<In>): Effect.Effect<Public.Held, E, Scope.Scope> =>
    Effect.suspend(() => this.hold(topic, new Forwarder(receiver)))

  private hold(value: T, reader: TopicReader<In>): Effect.Effect<Public.Held, E, Scope.Scope> {
    return Effect.map(
      Effect.acquireRelease(
        Effect.suspend(() => this.join(this.keyOf(value), value, reader)),
        (topic) => this.leave(topic, reader)
      ),
      (topic) => ({
        topic: topic.key,
        state: topic.state,
        confirmed: topic.state.until((state) => this.verdict(topic, state))
      })
    )
  }

  readonly stream: Public.Subscriptions<T, In, E>["stream"] = (topic, buffer) =>
    Stream.unwrap(Effect.map(this.subscribe(topic, buffer), ({ stream }) => stream))

  readonly entries: Public.Subscriptions<T, In, E>["entries"] = (topic, buffer) =>
    Stream.unwrap(Effect.map(this.subscribe(topic, buffer), ({ entries }) => entries))

  readonly resubscribe: Public.Subscriptions<T, In, E>["resubscribe"] = (topic, reason) =>
    Effect.sync(() => {
      const key = this.keyOf(topic)
      return this.registryOf(key)?.resubscribeFor(key, reason) === true
    })

  readonly retry: Public.Subscriptions<T, In, E>["retry"] = (topic) =>
    Effect.sync(() => {
      const key = this.keyOf(topic)
      return this.registryOf(key)?.trials.retry(key) === true
    })

  readonly topics = Effect.sync(() =>
    Array.from(this.all.values(), (topic): Public.TopicFigures => ({
      topic: topic.key,
      state: topic.state.getUnsafe(),
      subscribers: topic.readers.size,
      messages: topic.messages,
      lastMessageAt: topic.lastAt
    }))
  )

  readonly figures = Effect.sync((): Public.Figures => {
    const topics = [...this.all.values()]
    return {
      ...this.counts,
      topics: topics.length,
      quarantined: topics.filter(({ state }) => state.getUnsafe()._tag === "Quarantined").length,
      confirmed: topics.filter(({ key }) => this.registryOf(key)?.active?.isOn(key) === true).length
    }
  })

  private keyOf(topic: T): string {
    return this.options.key === undefined ? String(topic) : this.options.key(topic)
  }

  private newReader(buffer: Public.BufferOptions | undefined): SubscriberBuffer<In> {
    const capacity = buffer?.capacity ?? this.options.buffer?.capacity ?? 1024
    return new SubscriberBuffer<In>({
      connection: this.name,
      capacity: Math.max(1, Math.floor(capacity)),
      overflow: buffer?.overflow ?? this.options.buffer?.overflow ?? "dropOldest",
      dropped: () => {
        this.counts.dropped++
      }
    })
  }

  private verdict(topic: Topic<T, In>, state: TopicState): Effect.Effect<void, SubscriptionRejected> | undefined {
    if (state._tag === "Confirmed" || state._tag === "Silent") return Effect.void
    const reason = refusalOf(state)
    if (reason === undefined) return undefined
    return Effect.fail(new SubscriptionRejected({ connection: this.name, topic: topic.key, reason }))
  }
}

/** Why a wait for the confirmation of a topic fails. */
const refusalOf = (state: TopicState): string | undefined => {
  switch (state._tag) {
    case "Rejected":
      return state.reason
    case "Quarantined":
      return `it is in quarantine, since ${state.reason}`
    case "Released":
      return "it was released"
    default:
      return undefined
  }
}
