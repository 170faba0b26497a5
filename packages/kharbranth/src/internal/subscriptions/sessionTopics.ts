/**
 * The subscriptions of one connection at work: gives the registry its clock, its
 * fibers and its connection. One fiber talks and one follows the connection's
 * state; a timer is set to the next deadline.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Session } from "../../Session.ts"
import type { ConnectionError } from "../../ConnectionError.ts"
import * as ConnectionState from "../../ConnectionState.ts"
import type * as Public from "../../Subscriptions.ts"
import type { SubscriptionEvent } from "../../SubscriptionState.ts"
import type { Fanout } from "../kit/fanout.ts"
import type { Fibers } from "../kit/fibers.ts"
import * as Check from "../model/check.ts"
import { Bell } from "./bell.ts"
import type { Book } from "./book.ts"
import { safely } from "./options.ts"
import { Clocks, type Overdue } from "./silence.ts"
import type { Counts } from "./hooks.ts"
import { Registry } from "./registry.ts"
import { Talk } from "./requester.ts"
import type { Topic } from "./topic.ts"
import { Timer, type Timers } from "../kit/timers.ts"

/** What the lines of one `Subscriptions` share. */
export interface Common<T, In, Out> {
  readonly options: Public.Options<T, In, Out>
  readonly counts: Counts
  readonly events: Fanout<SubscriptionEvent>
  readonly timers: Timers
}

/** Told when the connection has failed, with the error, or is closed. */
export type Over = (error: ConnectionError | undefined) => void

export class Line<T, In, Out> {
  readonly connection: Public.Line<In, Out>
  readonly registry: Registry<T, In>
  private readonly common: Common<T, In, Out>
  private readonly fibers: Fibers
  private readonly over: Over
  private readonly talk: Talk<T, In, Out>
  private readonly clocks: Clocks<T, In>
  private readonly timer: Timer
  private readonly bell = new Bell(() => this.arm())
  private dirty = false
  private restarting = false

  constructor(connection: Public.Line<In, Out>, common: Common<T, In, Out>, fibers: Fibers, over: Over) {
    const { counts, options, timers } = common
    this.connection = connection
    this.common = common
    this.fibers = fibers
    this.over = over
    const mono = () => timers.now()
    const changed = () => this.changed()
    this.registry = new Registry<T, In>({
      counts,
      dedupe: safely(options.dedupe),
      canUnsubscribe: options.unsubscribe !== undefined,
      firstId: options.firstId ?? 1,
      hooks: {
        now: () => timers.wall(),
        mono,
        changed,
        event: (make) => {
          if (common.events.active) common.events.publish([make()])
        },
        ready: () => {
          const state = connection.state.getUnsafe()
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

  /** Works until the Scope closes, or the connection has. */
  readonly start: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() => {
    const { claim, ended, fibers, open } = this
    return Effect.addFinalizer(() => fibers.end()).pipe(
      Effect.andThen(this.connection.tap({ claim, open, ended })),
      Effect.andThen(Effect.addFinalizer(() => Effect.sync(() => this.close()))),
      Effect.andThen(
        Effect.sync(() => {
          fibers.fork(this.follow)
          fibers.fork(this.speak)
        })
      )
    )
  })

  // -------------------------------------------------------------- the tap

  private readonly claim = (message: In, epoch: number): boolean =>
    this.registry.claim(this.common.options.match(message), message, epoch)

  private readonly open = (session: Session<In, Out>): Effect.Effect<unknown, unknown> => {
    const book = this.registry.opening(session.epoch)
    const within = Check.durationOr(this.common.options.openWithin, "5 seconds")
    return Effect.timeoutOption(this.converge(book, session.send), within)
  }

  private readonly ended = (epoch: number, error: ConnectionError): void => this.registry.ended(epoch, error)

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
  private readonly follow: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEach(this.connection.state.changes, (state) =>
      Effect.sync(() => {
        if (state._tag === "Connected") this.registry.activate(state.epoch)
        else this.registry.checkActive()
        if (ConnectionState.isFinal(state)) this.over(state._tag === "Failed" ? state.error : undefined)
      })
    )
  ).pipe(Effect.ensuring(Effect.sync(() => this.close())))

  /** Says what has changed while a session is Ready. */
  private readonly speak: Effect.Effect<void> = Effect.suspend(() =>
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
      .everything(book, (message) => this.connection.send(message, options))
      .pipe(
        Effect.raceFirst(this.bell.until(() => this.registry.active !== book)),
        Effect.catch(() => Effect.sleep("250 millis"))
      )
  }

  private close(): void {
    this.bell.silence()
    this.timer.clear()
    this.over(undefined)
  }

  // ---------------------------------------------------------------- time

  private tick(mono: number): void {
    const { active, books, topics } = this.registry
    for (const book of books.values()) this.registry.expire(book, mono, this.common.options.attempts ?? 3)
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
    this.common.counts.restarts++
    this.publish({ _tag: "RestartAsked", epoch, topic: topic.key })
    const restart = this.connection.restart({ reason: `topic "${topic.key}" is silent` })
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
    this.common.events.publish([event])
  }

  private changed(): void {
    this.dirty = true
    this.bell.ring()
  }

  private arm(): void {
    const { active, books, topics } = this.registry
    const deadlines = Array.from(books.values(), (book) => book.nextDeadline)
    const quiet =
      active === undefined || this.common.options.dataClock === undefined
        ? Infinity
        : this.clocks.nextDue(active, topics.values())
    this.timer.set(Math.min(quiet, ...deadlines))
  }
}
