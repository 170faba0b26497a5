/**
 * Drives the subscriptions of one connection: gives the registry its clock, its
 * fibers and its connection. One fiber asks the server for topics and one
 * follows the connection's state; a timer is set to the next deadline.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Session } from "../../Session.ts"
import type { ConnectionError } from "../../ConnectionError.ts"
import * as ConnectionState from "../../ConnectionState.ts"
import type * as Public from "../../Subscriptions.ts"
import type { SubscriptionEvent } from "../../Subscriptions.ts"
import type { Fanout } from "../kit/fanout.ts"
import type { Fibers } from "../kit/fibers.ts"
import * as Check from "../model/check.ts"
import type { SessionTopics } from "./sessionTopics.ts"
import { guardedDedupe, isZero } from "./options.ts"
import { DataClocks, type Overdue } from "./silence.ts"
import { type Counts, Registry } from "./registry.ts"
import type { Quarantine } from "./asking/quarantine.ts"
import { Requester, SessionMemories } from "./asking/requester.ts"
import type { Topic } from "./topic.ts"
import { Timer, type Timers } from "../kit/timers.ts"
import { Waiting } from "../kit/waiting.ts"

/** What all connections of one `Subscriptions` share. */
export interface Common<T, In, Out, M> {
  readonly options: Public.Options<T, In, Out, M>
  readonly counts: Counts
  readonly events: Fanout<SubscriptionEvent>
  readonly timers: Timers
  readonly quarantine: Quarantine
}

/** Called when the connection has failed, with the error, or is closed. */
export type Over = (error: ConnectionError | undefined) => void

export class ConnectionDriver<T, In, Out, M> {
  readonly connection: Public.Carrier<In, Out>
  readonly registry: Registry<T, In>
  private readonly common: Common<T, In, Out, M>
  private readonly fibers: Fibers
  private readonly over: Over
  private readonly requester: Requester<T, In, Out, M>
  private readonly dataClocks: DataClocks<T, In>
  private readonly timer: Timer
  private readonly memories: SessionMemories<M>
  /** Woken once a turn, however much has changed in it. */
  private readonly changes = new Waiting()
  private dirty = false
  private closed = false
  private restarting = false

  constructor(connection: Public.Carrier<In, Out>, common: Common<T, In, Out, M>, fibers: Fibers, over: Over) {
    const { counts, options, quarantine, timers } = common
    this.connection = connection
    this.common = common
    this.fibers = fibers
    this.over = over
    const mono = () => timers.now()
    const changed = () => this.changed()
    this.registry = new Registry<T, In>({
      counts,
      dedupe: guardedDedupe(options.dedupe),
      canUnsubscribe: options.unsubscribe !== undefined,
      firstId: options.firstId ?? 1,
      quarantine,
      owner: {
        wall: () => timers.wall(),
        mono,
        changed,
        emit: (event) => {
          if (common.events.active) common.events.publish([event()])
        },
        ready: () => {
          const state = connection.state.getUnsafe()
          return state._tag === "Connected" ? state.epoch : undefined
        }
      }
    })
    this.memories = new SessionMemories(options.memory)
    const { batch, rateLimit, subscribe, unsubscribe } = options
    const ackTimeout = Check.millisOr(options.ackTimeout, "5 seconds")
    const acks = options.acks ?? true
    this.requester = new Requester(
      this.registry,
      { subscribe, unsubscribe, memories: this.memories, batch, rateLimit, acks, ackTimeout },
      mono,
      changed
    )
    this.changes.first(() => this.arm())
    this.dataClocks = new DataClocks(options.dataClock)
    this.timer = new Timer(timers, fibers, (now) => this.tick(now))
  }

  /** Works until the Scope closes, or the connection has. */
  readonly start: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() => {
    const { claim, ended, fibers, topics } = this
    const open = isZero(this.common.options.openWithin) ? undefined : this.open
    return Effect.addFinalizer(() => fibers.end()).pipe(
      Effect.andThen(this.connection.tap({ claim, open, ended, topics })),
      Effect.andThen(Effect.addFinalizer(() => Effect.sync(() => this.close()))),
      Effect.andThen(
        Effect.sync(() => {
          fibers.fork(this.follow)
          fibers.fork(this.ask)
        })
      )
    )
  })

  // -------------------------------------------------------------- the tap

  private readonly claim = (message: In, epoch: number): boolean =>
    this.registry.claim(this.common.options.match(message, this.memories.of(epoch)), message, epoch)

  private readonly open = (opened: Session<In, Out>): Effect.Effect<unknown, unknown> => {
    const session = this.registry.opening(opened.epoch)
    const within = Check.durationOr(this.common.options.openWithin, "5 seconds")
    return Effect.timeoutOption(this.converge(session, opened.send), within)
  }

  private readonly topics = () =>
    [...this.registry.topics.values()].map(({ key, state }) => ({ topic: key, state: state.getUnsafe()._tag }))

  private readonly ended = (epoch: number, error: ConnectionError): void => {
    this.memories.forget(epoch)
    this.registry.ended(epoch, error)
  }

  // Says what is lacking until every answer is there and nothing is lacking.
  private converge<E extends { readonly _tag: string }>(
    session: SessionTopics,
    write: (message: Out) => Effect.Effect<void, E>
  ): Effect.Effect<void, E> {
    const lacking = () => this.registry.next(session) !== undefined
    return this.requester.requestAll(session, write).pipe(
      Effect.andThen(this.until(() => session.settled || lacking())),
      Effect.flatMap(() => (lacking() ? this.converge(session, write) : Effect.void))
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
  private readonly ask: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      this.until(() => this.dirty && this.registry.active !== undefined),
      this.askOnce
    )
  ).pipe(Effect.forever)

  private readonly askOnce = Effect.suspend(() => {
    // Wishes of the same turn go into the same message.
    return Effect.andThen(
      Effect.yieldNow,
      Effect.suspend(() => {
        const session = this.registry.active
        this.dirty = false
        return session === undefined ? Effect.void : this.askIn(session)
      })
    )
  })

  // A message is for the session it was made for; one that waits when the session changes is withdrawn.
  private askIn(session: SessionTopics): Effect.Effect<void> {
    const options = { lane: "control", whenDown: "fail" } as const
    return this.requester
      .requestAll(session, (message) => this.connection.send(message, options))
      .pipe(
        Effect.raceFirst(this.until(() => this.registry.active !== session)),
        Effect.catch(() => Effect.sleep("250 millis"))
      )
  }

  private close(): void {
    this.closed = true
    this.timer.clear()
    this.over(undefined)
  }

  // ---------------------------------------------------------------- time

  private tick(mono: number): void {
    const { active, sessions, topics } = this.registry
    for (const session of sessions.values()) this.registry.expire(session, mono, this.common.options.attempts ?? 3)
    this.registry.trials.due(mono)
    if (active !== undefined) {
      for (const overdue of this.dataClocks.overdue(active, topics.values(), mono)) this.escalate(active, overdue)
    }
    this.changed()
  }

  private escalate(session: SessionTopics, { after, delivered, step, topic }: Overdue<T, In>): void {
    const { epoch } = session
    if (step === "event") {
      this.registry.show(topic)
      this.publish({ _tag: "Silent", epoch, topic: topic.key, after: Duration.millis(after), delivered })
    }
    if (step === "resubscribe") this.registry.resubscribe(session, topic, "silent")
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
    this.changes.wake()
  }

  private until(holds: () => boolean): Effect.Effect<void> {
    return this.changes.until(() => (holds() ? Effect.void : undefined))
  }

  private arm(): void {
    if (this.closed) return
    const { active, sessions, topics } = this.registry
    const deadlines = Array.from(sessions.values(), (session) => session.nextDeadline)
    const quiet =
      active === undefined || this.common.options.dataClock === undefined
        ? Infinity
        : this.dataClocks.nextDue(active, topics.values())
    this.timer.set(Math.min(quiet, this.registry.trials.nextDue, ...deadlines))
  }
}
