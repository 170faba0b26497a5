/**
 * Asks a server for what a session lacks, one batch at a time, within the rate
 * limit: in a session's opening, and whenever something has changed since.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as RateLimit from "../../../RateLimit.ts"
import type { BatchOptions } from "../../../Subscriptions.ts"
import { attempt } from "../../kit/guard.ts"
import * as Batch from "./batch.ts"
import type { SessionTopics, Kind } from "../sessionTopics.ts"
import type { Registry } from "../registry.ts"

/** What the option `memory` made for each session that is not over. */
export class SessionMemories<M> {
  private readonly make: (() => M) | undefined
  private readonly byEpoch = new Map<number, M>()

  constructor(make: (() => M) | undefined) {
    this.make = make
  }

  of(epoch: number): M {
    // Without the option, `M` is `undefined`.
    if (this.make === undefined) return undefined as M
    if (!this.byEpoch.has(epoch)) this.byEpoch.set(epoch, this.make())
    return this.byEpoch.get(epoch) as M
  }

  forget(epoch: number): void {
    this.byEpoch.delete(epoch)
  }
}

export interface RequesterOptions<T, Out, M> {
  readonly subscribe: (topics: ReadonlyArray<T>, id: number, memory: M) => Out
  readonly unsubscribe: ((topics: ReadonlyArray<T>, id: number, memory: M) => Out) | undefined
  readonly memories: SessionMemories<M>
  readonly batch: BatchOptions<Out> | undefined
  readonly rateLimit: RateLimit.RateLimit | ReadonlyArray<RateLimit.RateLimit> | undefined
  readonly acks: boolean
  /** Milliseconds. */
  readonly ackTimeout: number
}

export class Requester<T, In, Out, M> {
  private readonly registry: Registry<T, In>
  private readonly options: RequesterOptions<T, Out, M>
  private readonly mono: () => number
  private readonly changed: () => void
  private readonly newMeter: () => RateLimit.Meter
  private readonly meters = new WeakMap<SessionTopics, RateLimit.Meter>()

  constructor(
    registry: Registry<T, In>,
    options: RequesterOptions<T, Out, M>,
    mono: () => number,
    changed: () => void
  ) {
    this.registry = registry
    this.options = options
    this.mono = mono
    this.changed = changed
    this.newMeter = RateLimit.meters(options.rateLimit ?? [])
  }

  /** Sends requests until there is nothing left to ask for. */
  requestAll<E extends { readonly _tag: string }, R>(
    session: SessionTopics,
    write: (message: Out) => Effect.Effect<void, E, R>
  ): Effect.Effect<void, E, R> {
    return Effect.flatMap(
      Effect.suspend(() => this.requestOnce(session, write)),
      (asked) => (asked ? this.requestAll(session, write) : Effect.void)
    )
  }

  // One message, or one wait for the rate limit, or `false` when there is nothing to ask for.
  private requestOnce<E extends { readonly _tag: string }, R>(
    session: SessionTopics,
    write: (message: Out) => Effect.Effect<void, E, R>
  ): Effect.Effect<boolean, E, R> {
    const next = this.registry.next(session)
    if (next === undefined) return Effect.succeed(false)
    const now = this.mono()
    const meter = this.meterOf(session)
    const at = meter.nextAt(now, "data")
    if (at > now) return Effect.as(Effect.sleep(Duration.millis(at - now)), true)
    const batch = this.compose(session, next.kind, next.keys)
    if (batch === undefined) return Effect.succeed(true)
    const keys = next.keys.slice(0, batch.count)
    const id = this.registry.ask(session, next.kind, keys)
    meter.record(now, 1)
    return write(batch.message).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) this.sent(session, id)
          else this.registry.withdraw(session, id)
        })
      ),
      Effect.as(true),
      Effect.catchIf(
        (error) => error._tag === "EncodeError",
        () =>
          Effect.sync(() => {
            this.registry.refuse(session, keys, "the message that asks for it does not encode")
            return true
          })
      )
    )
  }

  private sent(session: SessionTopics, id: number): void {
    if (!this.options.acks) return this.registry.grant(session, id)
    const now = this.mono()
    session.sent(id, now, now + this.options.ackTimeout)
    this.changed()
  }

  // `undefined` when the topics are at fault; they are refused then.
  private compose(session: SessionTopics, kind: Kind, keys: ReadonlyArray<string>): Batch.Batch<Out> | undefined {
    const id = this.registry.upcomingId
    const encode = kind === "subscribe" ? this.options.subscribe : (this.options.unsubscribe ?? this.options.subscribe)
    const batch = attempt(
      () => {
        const memory = this.options.memories.of(session.epoch)
        return Batch.largest(this.registry.valuesOf(keys), (topics) => encode(topics, id, memory), this.options.batch)
      },
      () => undefined
    )
    if (batch === undefined) this.registry.refuse(session, keys, `the options' \`${kind}\` threw`)
    else if (!batch.tooLarge) return batch
    else this.registry.refuse(session, keys.slice(0, 1), "it alone is larger than `batch.bytes`")
    return undefined
  }

  private meterOf(session: SessionTopics): RateLimit.Meter {
    const found = this.meters.get(session)
    if (found !== undefined) return found
    const meter = this.newMeter()
    this.meters.set(session, meter)
    return meter
  }
}
