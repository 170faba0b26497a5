/**
 * The shell of `Subscriptions`: gives the registry its clock, its fibers and its
 * connection. One fiber talks, one follows the connection's state, and one
 * sleeps until the next deadline.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Session } from "../Connection.ts"
import type { ConnectionError, InvalidOptions } from "../ConnectionError.ts"
import * as ConnectionState from "../ConnectionState.ts"
import type * as Public from "../Subscriptions.ts"
import { type SubscriptionEvent, SubscriptionRejected, type TopicState } from "../SubscriptionState.ts"
import { Fanout } from "./fanout.ts"
import { Fibers } from "./fibers.ts"
import * as Check from "./options.ts"
import { Bell } from "./subscriptionsBell.ts"
import type { Book } from "./subscriptionsBook.ts"
import { check } from "./subscriptionsCheck.ts"
import { Clocks, type Overdue } from "./subscriptionsClock.ts"
import { Reader } from "./subscriptionsReader.ts"
import { Registry } from "./subscriptionsRegistry.ts"
import { Talk } from "./subscriptionsTalk.ts"
import type { Topic } from "./subscriptionsTopic.ts"
import { Timer, type Timers, timersOf } from "./timers.ts"

/** A message whose `dedupe` throws is the same as no other. */
const safely = <In>(dedupe: Public.Options<unknown, In, unknown>["dedupe"]): ((message: In) => unknown) | undefined =>
  dedupe === undefined
    ? undefined
    : (message) => {
        try {
          return dedupe(message)
        } catch {
          return Symbol()
        }
      }

class Shell<T, In, Out> implements Public.Subscriptions<T, In> {
  private readonly line: Public.Line<In, Out>
  private readonly options: Public.Options<T, In, Out>
  private readonly fibers: Fibers
  private readonly registry: Registry<T, In>
  private readonly talk: Talk<T, In, Out>
  private readonly clocks: Clocks<T, In>
  private readonly timer: Timer
  private readonly fanout = new Fanout<SubscriptionEvent>()
  private readonly bell = new Bell(() => this.arm())
  private dirty = false
  private restarts = 0
  private restarting = false
  readonly events = this.fanout.stream({ capacity: 1024, lossless: false })

  constructor(line: Public.Line<In, Out>, options: Public.Options<T, In, Out>, timers: Timers, fibers: Fibers) {
    this.line = line
    this.options = options
    this.fibers = fibers
    const mono = () => timers.now()
    const changed = () => this.changed()
    this.registry = new Registry<T, In>({
      dedupe: safely(options.dedupe),
      canUnsubscribe: options.unsubscribe !== undefined,
      firstId: options.firstId ?? 1,
      hooks: {
        now: () => timers.wall(),
        mono,
        changed,
        event: (make) => {
          if (this.fanout.active) this.fanout.publish([make()])
        },
        ready: () => {
          const state = line.state.getUnsafe()
          return state._tag === "Connected" ? state.epoch : undefined
        }
      }
    })
    const { batch, rateLimit, subscribe, unsubscribe } = options
    const ackTimeout = Duration.toMillis(Check.durationOr(options.ackTimeout, "5 seconds"))
    const acks = options.acks ?? true
    this.talk = new Talk(this.registry, { subscribe, unsubscribe, batch, rateLimit, acks, ackTimeout }, mono, changed)
    this.clocks = new Clocks(options.dataClock)
    this.timer = new Timer(timers, fibers, (now) => this.tick(now))
  }

  // ------------------------------------------------------------- for users

  readonly subscribe = (
    topic: T,
    buffer?: Public.BufferOptions
  ): Effect.Effect<Public.Subscription<In>, never, Scope.Scope> =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const reader = this.newReader(buffer)
          return { reader, topic: this.registry.join(this.keyOf(topic), topic, reader) }
        }),
        ({ reader, topic }) => Effect.sync(() => this.registry.leave(topic, reader))
      ),
      ({ reader, topic }) => ({
        topic: topic.key,
        state: topic.state,
        confirmed: topic.state.until((state) => this.verdict(topic, state)),
        stream: reader.stream,
        entries: reader.entries
      })
    )

  readonly stream = (topic: T, buffer?: Public.BufferOptions): Public.Subscription<In>["stream"] =>
    Stream.unwrap(Effect.map(this.subscribe(topic, buffer), ({ stream }) => stream))

  readonly entries = (topic: T, buffer?: Public.BufferOptions): Public.Subscription<In>["entries"] =>
    Stream.unwrap(Effect.map(this.subscribe(topic, buffer), ({ entries }) => entries))

  readonly topics = Effect.sync(() =>
    Array.from(this.registry.topics.values(), (topic): Public.TopicFigures => ({
      topic: topic.key,
      state: topic.state.getUnsafe(),
      subscribers: topic.readers.size,
      messages: topic.messages,
      lastMessageAt: topic.lastAt
    }))
  )

  readonly figures = Effect.sync((): Public.Figures => {
    const { active, counts, topics } = this.registry
    const confirmed = [...topics.keys()].filter((key) => active?.isOn(key) === true).length
    return { ...counts, topics: topics.size, confirmed, restarts: this.restarts }
  })

  // -------------------------------------------------------------- the tap

  readonly claim = (message: In, epoch: number): boolean =>
    this.registry.claim(this.options.match(message), message, epoch)

  readonly open = (session: Session<In, Out>): Effect.Effect<unknown, unknown> => {
    const book = this.registry.opening(session.epoch)
    const within = Check.durationOr(this.options.openWithin, "5 seconds")
    return Effect.timeoutOption(this.converge(book, session.send), within)
  }

  readonly ended = (epoch: number, error: ConnectionError): void => this.registry.ended(epoch, error)

  // Says what is lacking until every answer is there and nothing is lacking.
  private converge<E extends { readonly _tag: string }>(
    book: Book,
    write: (message: Out) => Effect.Effect<void, E>
  ): Effect.Effect<void, E> {
    const lacking = () => this.registry.next(book) !== undefined
    return this.talk.everything(book, write).pipe(
      Effect.andThen(this.bell.until(() => book.settled || lacking())),
      Effect.flatMap(() => (lacking() ? this.converge(book, write) : Effect.void))
    )
  }

  // ------------------------------------------------------------- its fibers

  /** Follows the connection: which session counts, and whether it is over. */
  readonly follow: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEach(this.line.state.changes, (state) =>
      Effect.sync(() => {
        if (state._tag === "Connected") this.registry.activate(state.epoch)
        else this.registry.checkActive()
        if (ConnectionState.isFinal(state)) this.registry.end(state._tag === "Failed" ? state.error : undefined)
      })
    )
  ).pipe(Effect.ensuring(Effect.sync(() => this.close())))

  /** Says what has changed while a session is Ready. */
  readonly speak: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      this.bell.until(() => this.dirty && this.registry.active !== undefined),
      this.speakOnce
    )
  ).pipe(Effect.forever)

  private readonly speakOnce = Effect.suspend(() => {
    // Wishes of the same turn go into the same message.
    return Effect.andThen(
      Effect.yieldNow,
      Effect.suspend(() => {
        const book = this.registry.active
        this.dirty = false
        return book === undefined ? Effect.void : this.speakTo(book)
      })
    )
  })

  // A message is for the session it was made for; one that waits when the session changes is withdrawn.
  private speakTo(book: Book): Effect.Effect<void> {
    const options = { lane: "control", whenDown: "fail" } as const
    return this.talk
      .everything(book, (message) => this.line.send(message, options))
      .pipe(
        Effect.raceFirst(this.bell.until(() => this.registry.active !== book)),
        Effect.catch(() => Effect.sleep("250 millis"))
      )
  }

  close(): void {
    this.bell.silence()
    this.timer.clear()
    this.registry.end(undefined)
    this.fanout.end()
  }

  // ---------------------------------------------------------------- time

  private tick(mono: number): void {
    const { active, books, topics } = this.registry
    for (const book of books.values()) this.registry.expire(book, mono, this.options.attempts ?? 3)
    if (active !== undefined) {
      for (const overdue of this.clocks.overdue(active, topics.values(), mono)) this.escalate(active, overdue)
    }
    this.changed()
  }

  private escalate(book: Book, { after, delivered, step, topic }: Overdue<T, In>): void {
    const { epoch } = book
    if (step === "event") {
      this.registry.show(topic)
      this.publish({ _tag: "Silent", epoch, topic: topic.key, after: Duration.millis(after), delivered })
    }
    if (step === "resubscribe") this.registry.resubscribe(book, topic, "silent")
    if (step === "restart") this.restart(epoch, topic)
  }

  private restart(epoch: number, topic: Topic<T, In>): void {
    if (this.restarting) return
    this.restarting = true
    this.restarts++
    this.publish({ _tag: "RestartAsked", epoch, topic: topic.key })
    const restart = this.line.restart({ reason: `topic "${topic.key}" is silent` })
    this.fibers.fork(
      Effect.ensuring(
        Effect.ignore(restart),
        Effect.sync(() => {
          this.restarting = false
        })
      )
    )
  }

  private publish(event: SubscriptionEvent): void {
    this.fanout.publish([event])
  }

  private changed(): void {
    this.dirty = true
    this.bell.ring()
  }

  private arm(): void {
    const { active, books, topics } = this.registry
    const deadlines = Array.from(books.values(), (book) => book.nextDeadline)
    const quiet =
      active === undefined || this.options.dataClock === undefined
        ? Infinity
        : this.clocks.nextDue(active, topics.values())
    this.timer.set(Math.min(quiet, ...deadlines))
  }

  // ---------------------------------------------------------------- small

  private keyOf(topic: T): string {
    return this.options.key === undefined ? String(topic) : this.options.key(topic)
  }

  private newReader(buffer: Public.BufferOptions | undefined): Reader<In> {
    const capacity = buffer?.capacity ?? this.options.buffer?.capacity ?? 1024
    return new Reader<In>({
      connection: this.line.name,
      capacity: Math.max(1, Math.floor(capacity)),
      overflow: buffer?.overflow ?? this.options.buffer?.overflow ?? "dropOldest",
      dropped: () => {
        this.registry.counts.dropped++
      }
    })
  }

  private verdict(topic: Topic<T, In>, state: TopicState): Effect.Effect<void, SubscriptionRejected> | undefined {
    if (state._tag === "Confirmed" || state._tag === "Silent") return Effect.void
    if (state._tag !== "Rejected" && state._tag !== "Released") return undefined
    const reason = state._tag === "Rejected" ? state.reason : "it was released"
    return Effect.fail(new SubscriptionRejected({ connection: this.line.name, topic: topic.key, reason }))
  }
}

export const make = <T, In, Out>(
  line: Public.Line<In, Out>,
  options: Public.Options<T, In, Out>
): Effect.Effect<Public.Subscriptions<T, In>, InvalidOptions, Scope.Scope> =>
  Effect.gen(function* () {
    const invalid = check(line.name, options)
    if (invalid !== undefined) return yield* invalid
    const context = yield* Effect.context<never>()
    const fibers = new Fibers(line.name, context)
    yield* Effect.addFinalizer(() => fibers.end())
    const shell = new Shell(line, options, timersOf(context), fibers)
    yield* line.tap({ claim: shell.claim, open: shell.open, ended: shell.ended })
    yield* Effect.addFinalizer(() => Effect.sync(() => shell.close()))
    fibers.fork(shell.follow)
    fibers.fork(shell.speak)
    return shell
  })
