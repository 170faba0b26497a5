/**
 * Says to a server what a session lacks, one batch at a time, within the rate
 * limit: in a session's opening, and whenever something has changed since.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as RateLimit from "../../RateLimit.ts"
import type { BatchOptions } from "../../Subscriptions.ts"
import * as Batch from "./batch.ts"
import type { Book, Kind } from "./book.ts"
import type { Registry } from "./registry.ts"

export interface TalkOptions<T, Out> {
  readonly subscribe: (topics: ReadonlyArray<T>, id: number) => Out
  readonly unsubscribe: ((topics: ReadonlyArray<T>, id: number) => Out) | undefined
  readonly batch: BatchOptions<Out> | undefined
  readonly rateLimit: RateLimit.RateLimit | ReadonlyArray<RateLimit.RateLimit> | undefined
  readonly acks: boolean
  /** Milliseconds. */
  readonly ackTimeout: number
}

export class Talk<T, In, Out> {
  private readonly registry: Registry<T, In>
  private readonly options: TalkOptions<T, Out>
  private readonly mono: () => number
  private readonly changed: () => void
  private readonly newMeter: () => RateLimit.Meter
  private readonly meters = new WeakMap<Book, RateLimit.Meter>()

  constructor(registry: Registry<T, In>, options: TalkOptions<T, Out>, mono: () => number, changed: () => void) {
    this.registry = registry
    this.options = options
    this.mono = mono
    this.changed = changed
    this.newMeter = RateLimit.meters(options.rateLimit ?? [])
  }

  /** Says everything there is to say. */
  everything<E extends { readonly _tag: string }, R>(
    book: Book,
    write: (message: Out) => Effect.Effect<void, E, R>
  ): Effect.Effect<void, E, R> {
    return Effect.flatMap(
      Effect.suspend(() => this.once(book, write)),
      (said) => (said ? this.everything(book, write) : Effect.void)
    )
  }

  // One message, or one wait for the rate limit, or `false` when there is nothing to say.
  private once<E extends { readonly _tag: string }, R>(
    book: Book,
    write: (message: Out) => Effect.Effect<void, E, R>
  ): Effect.Effect<boolean, E, R> {
    const next = this.registry.next(book)
    if (next === undefined) return Effect.succeed(false)
    const now = this.mono()
    const meter = this.meterOf(book)
    const at = meter.nextAt(now, "data")
    if (at > now) return Effect.as(Effect.sleep(Duration.millis(at - now)), true)
    const batch = this.compose(book, next.kind, next.keys)
    if (batch === undefined) return Effect.succeed(true)
    const keys = next.keys.slice(0, batch.count)
    const id = this.registry.ask(book, next.kind, keys)
    meter.record(now, 1)
    return write(batch.message).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) this.sent(book, id)
          else this.registry.withdraw(book, id)
        })
      ),
      Effect.as(true),
      Effect.catchIf(
        (error) => error._tag === "EncodeError",
        () =>
          Effect.sync(() => {
            this.registry.refuse(book, keys, "the message that asks for it does not encode")
            return true
          })
      )
    )
  }

  private sent(book: Book, id: number): void {
    if (!this.options.acks) return this.registry.grant(book, id)
    book.sent(id, this.mono() + this.options.ackTimeout)
    this.changed()
  }

  // `undefined` when the topics are at fault; they are refused then.
  private compose(book: Book, kind: Kind, keys: ReadonlyArray<string>): Batch.Batch<Out> | undefined {
    const id = this.registry.upcomingId
    const encode = kind === "subscribe" ? this.options.subscribe : (this.options.unsubscribe ?? this.options.subscribe)
    try {
      const batch = Batch.largest(this.registry.valuesOf(keys), (topics) => encode(topics, id), this.options.batch)
      if (!batch.tooLarge) return batch
      this.registry.refuse(book, keys.slice(0, 1), "it alone is larger than `batch.bytes`")
    } catch {
      this.registry.refuse(book, keys, `the options' \`${kind}\` threw`)
    }
    return undefined
  }

  private meterOf(book: Book): RateLimit.Meter {
    const found = this.meters.get(book)
    if (found !== undefined) return found
    const meter = this.newMeter()
    this.meters.set(book, meter)
    return meter
  }
}
