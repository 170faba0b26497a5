/**
 * The loop over sessions: passes what happens to the pure lifecycle and performs
 * the commands it returns. It decides nothing. Everything here is synchronous;
 * what takes time is a supervised fiber or a timer.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Tracer from "effect/Tracer"
import type { Codec } from "../../../Codec.ts"
import type * as Connection from "../../../Connection.ts"
import { type ConnectionError, DecodeError, foreign, NotConnected } from "../../../ConnectionError.ts"
import type { ConnectionState } from "../../../ConnectionState.ts"
import type { DropReason } from "../../../ConnectionEvent.ts"
import type * as RateLimit from "../../../RateLimit.ts"
import type { Tap } from "../../../Session.ts"
import { Surroundings } from "../../../Surroundings.ts"
import type { Recipe } from "../../../Target.ts"
import { Transport } from "../../../Transport.ts"
import { Inbox, type InboxOwner } from "../../inbox/inbox.ts"
import { Cell } from "../../kit/cell.ts"
import { Fibers } from "../../kit/fibers.ts"
import { attempt } from "../../kit/guard.ts"
import { nextMicrotask } from "../../kit/microtask.ts"
import { Timer, type Timers, timersOf } from "../../kit/timers.ts"
import * as Lifecycle from "../../lifecycle/reduce.ts"
import * as Check from "../../model/check.ts"
import { Outbox } from "../../outbox/outbox.ts"
import type { OutboxOwner } from "../../outbox/writer.ts"
import type { Reaction, ReactingConnection } from "../../platform/reaction.ts"
import { connectBy } from "../../platform/reporter.ts"
import { controlBy } from "../../transport/backpressure.ts"
import * as Limits from "../../rateLimit/limits.ts"
import type { Ask } from "../../session/context.ts"
import { left, settled } from "../../session/ending.ts"
import type { OpenProgram } from "../../session/context.ts"
import { Session, type SessionOwner } from "../../session/session.ts"
import { type Deadline, Deadlines } from "./deadlines.ts"
import { Handover } from "./handover.ts"
import { Reports } from "./reports.ts"
import { Retries } from "./retries.ts"
import * as Settings from "./settings.ts"
import { beginBy, ConnectionObserver, type Watcher } from "./watching.ts"

export interface SupervisorOptions<In, Out> {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly context: Context.Context<Transport>
  readonly policies: Settings.Dialing
  readonly target: Recipe
  readonly options: Connection.Options<Codec<In, Out>, unknown, never, never>
  /** Instead of the options' `permit`. */
  readonly ask?: Ask | undefined
}

interface Pending {
  readonly input: Lifecycle.Input
  /** Done once the state has changed. */
  readonly then: (() => void) | undefined
}

export class Supervisor<In, Out> implements SessionOwner<In, Out>, InboxOwner, OutboxOwner, ReactingConnection {
  readonly connection: string
  readonly codec: Codec<In, Out>
  /** As given, or as changed since. */
  options: SupervisorOptions<In, Out>["options"]
  // Not looked up each time: a context that is asked often copies itself.
  readonly transport: Transport["Service"]
  readonly ask: Ask | undefined
  readonly fibers: Fibers
  readonly reports: Reports
  readonly inbox: Inbox<In>
  readonly outbox: Outbox<In, Out>
  readonly state: Cell<ConnectionState>
  readonly deadlines = new Deadlines(this)
  readonly handover: Handover<In, Out>
  policies: Settings.Dialing
  target: Recipe
  taps: ReadonlySet<Tap<In, Out>> = none
  sessions: ReadonlyArray<Session<In, Out>> = []
  parting = { code: 1000, reason: "" }
  reaction: Reaction | undefined
  /** Of the observer that the connection was made with. It does not throw. */
  watcher: Watcher | undefined
  private readonly context: Context.Context<Transport>
  private readonly timers: Timers
  private meters: (() => RateLimit.Meter | undefined) | undefined
  private lifecycle: Lifecycle.State
  private dispatching = false
  /** What was dispatched during a dispatch. */
  private pending: Array<Pending> | undefined
  private retries: Retries | undefined
  /** Ends what reports its surroundings. */
  private stopReacting: (() => void) | undefined

  constructor({ ask, codec, connection, context, options, policies, target }: SupervisorOptions<In, Out>) {
    this.connection = connection
    this.codec = codec
    this.options = options
    this.context = context
    this.transport = Context.get(context, Transport)
    this.ask = ask
    this.fibers = new Fibers(connection, context)
    this.reports = new Reports(connection, this.fibers)
    this.timers = timersOf(context)
    this.policies = policies
    this.target = target
    this.meters = Limits.metersOf(policies.rateLimit)
    this.inbox = new Inbox({ connection, ...Settings.inbox(options.inbox), owner: this })
    const { pause } = this.transport.capabilities
    if (pause) this.inbox.pausing = controlBy(pause)(this.inbox, this)
    this.outbox = new Outbox({ connection, ...Settings.outbox(options.outbox), encode: codec.encode, owner: this })
    this.handover = new Handover(this, options.rotate)
    const config = Settings.lifecycleOf(policies, target, this.transport.capabilities)
    this.lifecycle = Lifecycle.initial({ connection, ...config })
    this.state = new Cell(Lifecycle.publicState(this.lifecycle))
    this.handover.listen()
    this.reports.listen(options.hooks, this.inbox, this)
  }

  // --- what there is ---------------------------------------------------------

  get phase(): Lifecycle.Phase {
    return this.lifecycle.phase
  }

  /** What ended the last session or dial of this outage. */
  get lastCause(): ConnectionError | undefined {
    return this.lifecycle.outage.cause
  }

  get epoch(): number {
    return this.lifecycle.epoch
  }

  /** The session that messages flow through. */
  get active(): Session<In, Out> | undefined {
    const { phase } = this.lifecycle
    return phase._tag === "Live" ? this.sessionOf(phase.epoch) : undefined
  }

  private sessionOf(epoch: number): Session<In, Out> | undefined {
    return this.sessions.find((session) => session.epoch === epoch)
  }

  get rotationMode(): "breakFirst" | "makeFirst" {
    return this.handover.rotation.mode
  }

  /** What stands in for a state in errors. */
  stateName(): string {
    const state = this.state.getUnsafe()
    return state._tag === "Disconnected" ? state.reason : state._tag
  }

  notConnected(): NotConnected {
    return new NotConnected({ connection: this.connection, state: this.stateName() })
  }

  // --- options ---------------------------------------------------------------

  get traced(): boolean {
    // Not `mapUnsafe`: it would copy every service there is, for each connection.
    return Context.get(this.context, Tracer.Tracer) !== Context.get(Context.empty(), Tracer.Tracer)
  }

  openers(): ReadonlyArray<OpenProgram<In, Out>> {
    return this.taps.size === 0 ? nobody : [...this.taps].flatMap((tap) => (tap.open === undefined ? [] : [tap.open]))
  }

  meter(): RateLimit.Meter | undefined {
    return this.meters?.()
  }

  // --- time and fibers -------------------------------------------------------

  mono(): number {
    return this.timers.now()
  }

  wall(): number {
    return this.timers.wall()
  }

  timer(fire: (now: number) => void): Timer {
    return new Timer(this.timers, this.fibers, fire)
  }

  fork(effect: Effect.Effect<void>): Fiber.Fiber<void> {
    return this.fibers.fork(effect)
  }

  // --- its surroundings ------------------------------------------------------

  /** Is observed from now on, if somebody observes, and reacts to its surroundings, if something reports them. */
  react(): void {
    const observation = Context.get(this.context, ConnectionObserver)
    this.watcher = observation && beginBy(observation)(this)
    const reporter = Context.get(this.context, Surroundings)
    this.stopReacting = reporter && connectBy(reporter)(this)
  }

  reactNoMore(): void {
    this.stopReacting?.()
    this.stopReacting = undefined
  }

  // --- what is due -----------------------------------------------------------

  due(deadline: Deadline): void {
    switch (deadline) {
      case "retry":
        return this.dispatch({ _tag: "RetryDue" })
      case "stable":
        return this.stable()
      case "rotate":
        return this.rotate("it was due", true)
      case "outbox":
        return this.outbox.wake(this.mono())
      case "overlap":
        return this.handover.due()
    }
  }

  private stable(): void {
    const { phase } = this.lifecycle
    if (phase._tag === "Live") this.dispatch({ _tag: "Stable", epoch: phase.epoch })
  }

  rotate(reason: string, isPlanned = false): void {
    this.dispatch({ _tag: "RotationDue", mode: this.rotationMode, reason, isPlanned })
  }

  recheck(): void {
    const now = this.mono()
    this.deadlines.look(now)
    this.active?.liveness?.recheck(now)
  }

  armOutbox(at: number): void {
    this.deadlines.atLatest("outbox", at)
  }

  armOverlap(): void {
    this.deadlines.set("overlap", this.mono() + this.handover.rotation.overlap)
  }

  // --- the loop --------------------------------------------------------------

  /** What is dispatched during a dispatch waits until that one is done: the state first, then its commands, in order. */
  dispatch(input: Lifecycle.Input, then?: () => void): void {
    if (this.dispatching) {
      ;(this.pending ??= []).push({ input, then })
      return
    }
    this.dispatching = true
    this.take(input, then)
    for (let next = this.pending?.shift(); next !== undefined; next = this.pending?.shift()) {
      this.take(next.input, next.then)
    }
    this.pending = undefined
    this.dispatching = false
  }

  private take(input: Lifecycle.Input, then: (() => void) | undefined): void {
    const now = this.wall()
    const [state, commands] = Lifecycle.reduce(this.lifecycle, input, now)
    this.watcher?.stepped?.(input, commands, state, now)
    const changed = state.phase !== this.lifecycle.phase
    this.lifecycle = state
    // What a command calls reads the new state; those that wait for a state are woken after the commands.
    if (changed) this.state.assign(Lifecycle.publicState(state))
    for (const command of commands) this.perform(command)
    if (changed) this.state.announce()
    if (changed && state.phase._tag === "Closed") this.state.end()
    then?.()
  }

  private perform(command: Lifecycle.Command): void {
    switch (command._tag) {
      case "Dial":
        return this.dial(command)
      case "Begin":
        return this.begin(command.epoch)
      case "Promote":
        return this.promote(command.epoch, command.from)
      case "Interrupt":
        return this.interrupt(command.epoch, command.cause)
      case "EndSession":
        return this.endSession(command.epoch, command.how)
      case "ArmStable":
        return this.deadlines.set("stable", this.mono() + Check.millis(this.policies.reconnect.stableAfter))
      case "ArmRotation":
        return this.deadlines.set("rotate", this.mono() + (command.after ?? this.plannedRotation()))
      case "Step":
        return (this.retries ??= new Retries(this)).ask(this.policies.reconnect, command.error, command.fresh)
      case "Wait":
        return this.deadlines.set("retry", this.mono() + command.delay)
      case "CancelWait":
        return this.deadlines.clear("retry")
      case "Revive":
        // One that still closes has been turned away since the failure: nothing of it may follow that hole.
        for (const session of this.sessions) session.mute()
        this.inbox.revive()
        return this.outbox.reopen()
      case "Halt":
        return this.halt(command.error)
      case "Emit":
        return this.reports.happened(command.event)
    }
  }

  private dial(command: Extract<Lifecycle.Command, { readonly _tag: "Dial" }>): void {
    this.reports.counters.dials++
    this.retries?.withdraw()
    // A hedge asks the server for what the dial beside it asks for.
    if (command.role !== "hedge") this.handover.dialed()
    // Users' code: it makes a decoder for each session.
    const session = attempt(
      () => new Session(this, command),
      (thrown) => this.noDecoder(command.epoch, thrown)
    )
    if (session === undefined) return
    this.sessions = this.sessions.concat(session)
    session.start()
  }

  private noDecoder(epoch: number, thrown: unknown): undefined {
    const { connection } = this
    this.fail(new DecodeError({ connection, epoch, issue: "the codec made no decoder", cause: foreign(thrown) }))
  }

  private begin(epoch: number): void {
    const session = this.sessionOf(epoch)
    if (session === undefined) return
    this.handover.begin(session)
    this.attach(session)
  }

  private promote(epoch: number, from: number): void {
    const session = this.sessionOf(epoch)
    const old = this.sessionOf(from)
    if (session === undefined || old === undefined) return
    this.handover.hold(session, old)
    this.armOverlap()
    this.attach(session)
  }

  /** Senders write to this session from now on. */
  private attach(session: Session<In, Out>): void {
    if (session.isOver) return
    this.reaction?.ready(session)
    if (session.writer !== undefined) this.outbox.attach(session.writer)
  }

  private interrupt(epoch: number, cause: ConnectionError): void {
    const session = this.sessionOf(epoch)
    this.reports.log.interrupted(epoch)
    this.deadlines.clear("stable")
    this.deadlines.clear("rotate")
    if (session === undefined) return
    this.handover.release(session)
    this.handover.interrupt(cause)
    this.cut(session)
    this.outbox.down()
  }

  private endSession(epoch: number, how: "graceful" | "drop"): void {
    const session = this.sessionOf(epoch)
    if (how === "drop") session?.drop()
    else session?.close(this.policies.closeTimeout)
  }

  /** In how many milliseconds the active session is to be replaced. */
  private plannedRotation(): number {
    return this.handover.dueIn(Context.get(this.context, Random.Random).nextDoubleUnsafe())
  }

  private halt(error: ConnectionError | undefined): void {
    this.retries?.withdraw()
    this.deadlines.clear("retry")
    this.handover.rotation.end()
    this.inbox.finish(error)
    const state = error === undefined ? "Closed" : "Failed"
    this.outbox.close(new NotConnected({ connection: this.connection, state }))
    if (error === undefined) this.reports.events.end()
  }

  /** New policies, for the next dial. */
  reconfigure(policies: Settings.Dialing, target: Recipe): void {
    const { rateLimit, target: before } = this.policies
    const isNewTarget = policies.target !== before
    if (policies.rateLimit !== rateLimit) this.meters = Limits.metersOf(policies.rateLimit)
    this.policies = policies
    this.target = target
    const config = Settings.lifecycleOf(policies, target, this.transport.capabilities)
    this.dispatch({ _tag: "Reconfigured", ...config, isNewTarget })
  }

  // --- what sessions report --------------------------------------------------

  settled(session: Session<In, Out>): Effect.Effect<void> | undefined {
    if (session.dial.role !== "active" || this.sessions.length === 1) return undefined
    return settled(this.sessions.filter((other) => other !== session && other.isOver))
  }

  hung({ epoch }: Session<In, Out>): void {
    this.dispatch({ _tag: "Hung", epoch })
  }

  opened({ epoch }: Session<In, Out>): void {
    this.dispatch({ _tag: "Opened", epoch })
  }

  ready(session: Session<In, Out>): void {
    if (this.reports.counters.ready++ === 0) this.reports.unwatched(this, session.heartbeat)
    if (session.dial.role === "successor") this.reaction?.successorReady()
    this.dispatch({ _tag: "Ready", epoch: session.epoch })
  }

  ended(session: Session<In, Out>, error: ConnectionError): void {
    const { epoch } = session
    this.reports.counters.ended(session, error)
    const told = this.handover.ended(session, error)
    const verdict = Settings.verdictOf(this.policies.reconnect, error)
    this.dispatch({ _tag: "Ended", epoch, error, ...verdict }, () => {
      for (const tap of this.taps) attempt(() => tap.ended?.(epoch, told), nothing)
      this.handover.forgetLater()
      this.fork(
        Effect.andThen(
          session.hasLeft,
          Effect.sync(() => {
            this.sessions = this.sessions.filter((other) => other !== session)
          })
        )
      )
    })
  }

  overlapped(old: Session<In, Out>): void {
    this.deadlines.clear("overlap")
    old.silence()
    old.close(this.policies.closeTimeout)
  }

  release(session: Session<In, Out>): void {
    this.handover.release(session)
  }

  gap(cause: ConnectionError): void {
    this.reports.counters.gap(cause._tag)
  }

  dataLost(session: Session<In, Out>): void {
    if (session !== this.active) return
    this.dispatch({ _tag: "Restart", mode: "breakFirst", by: "auto", reason: "no application data" })
  }

  cut({ writer }: Session<In, Out>): void {
    if (writer !== undefined) this.outbox.cut(writer)
  }

  // --- what the inbox and the outbox report ----------------------------------

  defer(run: () => void): void {
    nextMicrotask(run)
  }

  drop(where: "inbox" | "outbox", reason: DropReason, count: number): void {
    this.reports.drop(where, reason, count)
  }

  fail(error: ConnectionError): void {
    this.dispatch({ _tag: "Fail", error })
  }

  // --- its end ---------------------------------------------------------------

  /** Nothing is left of it afterwards; bounded by the sessions' close deadlines. */
  dismantle(): Effect.Effect<void> {
    return Effect.andThen(
      Effect.suspend(() => left(this.sessions)),
      Effect.suspend(() => {
        // Only now: the end of a session may set one.
        this.deadlines.clearAll()
        return this.fibers.end()
      })
    )
  }
}

const none: ReadonlySet<never> = new Set()
const nobody: ReadonlyArray<never> = []
const nothing = (): void => {}
