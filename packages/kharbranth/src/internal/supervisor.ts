/**
 * The loop over sessions: feeds what happens to the pure lifecycle and performs
 * the commands it gives. Everything here is synchronous; what takes time is a
 * supervised fiber or a timer.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Tracer from "effect/Tracer"
import type { Codec } from "../Codec.ts"
import type * as Connection from "../Connection.ts"
import type { ConnectionError } from "../ConnectionError.ts"
import { NotConnected } from "../ConnectionError.ts"
import type { ConnectionEvent, DropReason } from "../ConnectionEvent.ts"
import type { ConnectionState } from "../ConnectionState.ts"
import type * as RateLimit from "../RateLimit.ts"
import type { Recipe } from "../Target.ts"
import { Transport } from "../Transport.ts"
import type { Ward } from "./attention.ts"
import { type Deadline, Deadlines } from "./deadlines.ts"
import { Fanout } from "./fanout.ts"
import { Fibers } from "./fibers.ts"
import { Figures } from "./figures.ts"
import { Handover } from "./handover.ts"
import { HookQueue } from "./hookQueue.ts"
import type { Host, Opener } from "./host.ts"
import { Inbox } from "./inbox.ts"
import { logEvent } from "./journal.ts"
import * as Lifecycle from "./lifecycle.ts"
import * as Limits from "./limits.ts"
import { Outbox } from "./outbox.ts"
import * as Settings from "./settings.ts"
import { InboxPort, OutboxPort, type Owner } from "./ports.ts"
import { Retries } from "./retries.ts"
import { Session } from "./session.ts"
import { closedByUs } from "./sessionErrors.ts"
import { tellEnded, toldOf } from "./taps.ts"
import { Timer, type Timers, timersOf } from "./timers.ts"
import { Cell } from "./watch.ts"

/** How long a dial waits for earlier sockets to finish closing. */
const settleAtMost = Duration.millis(500)
/** When a rotation whose successor failed is tried again. */
const rotateAgain = 30_000

export interface SupervisorOptions<In, Out> {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly context: Context.Context<Transport>
  readonly policies: Connection.Policies
  readonly target: Recipe
  readonly options: Connection.Options<Codec<In, Out>, unknown, never, never>
}

export class Supervisor<In, Out> implements Host<In, Out>, Owner, Ward {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly options: SupervisorOptions<In, Out>["options"]
  readonly figures = new Figures()
  readonly inbox: Inbox<In>
  readonly outbox: Outbox<In, Out>
  readonly outboxHooks = new OutboxPort(this)
  readonly state: Cell<ConnectionState>
  readonly events = new Fanout<ConnectionEvent>()
  readonly fibers: Fibers
  policies: Connection.Policies
  target: Recipe
  active: Session<In, Out> | undefined
  sessions: ReadonlyArray<Session<In, Out>> = []
  taps: ReadonlySet<Connection.Tap<In, Out>> = none
  attention: Ward["attention"]
  private readonly context: Context.Context<Transport>
  private readonly timers: Timers
  private readonly deadlines = new Deadlines(this)
  readonly handover: Handover<In, Out>
  private readonly meters: (() => RateLimit.Meter | undefined) | undefined
  private lifecycle: Lifecycle.State
  private inputs: Array<Pending> | undefined
  private retries: Retries | undefined
  private hookQueue: HookQueue | undefined

  constructor(given: SupervisorOptions<In, Out>) {
    const { connection, context, options, policies, target } = given
    this.connection = connection
    this.codec = given.codec
    this.options = options
    this.context = context
    this.fibers = new Fibers(connection, context)
    this.timers = timersOf(context)
    this.policies = policies
    this.target = target
    this.meters = policies.rateLimit === undefined ? undefined : Limits.meters(policies.rateLimit)
    this.inbox = new Inbox({
      connection,
      highWaterMark: options.inbox?.highWaterMark ?? 65_536,
      overflow: options.inbox?.overflow ?? "fail",
      skipDecodeErrors: this.codec.onDecodeError === "skip",
      hooks: new InboxPort(this)
    })
    this.outbox = new Outbox({
      connection,
      ...Settings.outbox(options.outbox),
      encode: (message) => this.codec.encode(message),
      hooks: this.outboxHooks
    })
    this.handover = new Handover(this, options.rotate)
    this.lifecycle = Lifecycle.initial({
      connection,
      endpoints: target.endpoints,
      retryFirst: policies.reconnect.first
    })
    this.state = new Cell(Lifecycle.publicState(this.lifecycle))
    this.handover.listen()
  }

  // --- what there is ---------------------------------------------------------

  get transport(): Transport["Service"] {
    return Context.get(this.context, Transport)
  }

  get maxMessageSize(): number {
    return this.options.maxMessageSize ?? 1024 * 1024
  }

  get writeMark(): number {
    return this.options.writeMark ?? 256 * 1024
  }

  get openBuffer(): number {
    return this.options.openBuffer ?? 16 * 1024 * 1024
  }

  get onOpen(): Opener<In, Out> | undefined {
    return this.options.onOpen
  }

  get permit(): Host<In, Out>["permit"] {
    return this.options.permit
  }

  get hooks(): Connection.Hooks | undefined {
    return this.options.hooks
  }

  get traced(): boolean {
    return this.context.mapUnsafe.has(Tracer.Tracer.key)
  }

  get phase(): Lifecycle.Phase {
    return this.lifecycle.phase
  }

  get epoch(): number {
    return this.lifecycle.epoch
  }

  get hasSuccessor(): boolean {
    const { phase } = this.lifecycle
    return phase._tag === "Live" && phase.successor !== undefined
  }

  /** The session that users mean: active and Ready. */
  get live(): Session<In, Out> | undefined {
    const { phase } = this.lifecycle
    return phase._tag === "Live" ? this.sessionOf(phase.epoch) : undefined
  }

  /** What stands in for a state in errors. */
  stateName(): string {
    const state = this.state.getUnsafe()
    return state._tag === "Disconnected" ? state.reason : state._tag
  }

  notConnected(): NotConnected {
    return new NotConnected({ connection: this.connection, state: this.stateName() })
  }

  openers(): ReadonlyArray<Opener<In, Out>> {
    return [...this.taps].flatMap((tap) => (tap.open === undefined ? [] : [tap.open]))
  }

  meter(): RateLimit.Meter | undefined {
    return this.meters?.()
  }

  // --- time and fibers -------------------------------------------------------

  now(): number {
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

  due(deadline: Deadline): void {
    switch (deadline) {
      case "retry":
        return this.dispatch({ _tag: "RetryDue" })
      case "stable":
        return this.stable()
      case "rotate":
        return this.rotate("it was due")
      case "stall":
        return this.inbox.stallDue()
      case "outbox":
        return this.outbox.wake(this.now())
      case "overlap":
        return this.handover.due()
    }
  }

  recheck(): void {
    const now = this.now()
    this.deadlines.look(now)
    this.active?.recheck(now)
  }

  armOutbox(at: number): void {
    this.deadlines.atLatest("outbox", at)
  }

  armOverlap(): void {
    this.deadlines.set("overlap", this.now() + this.handover.rotation.overlap)
  }

  armStall(): void {
    this.deadlines.set("stall", this.now() + Settings.maxStall(this.options.inbox))
  }

  // --- what is told ----------------------------------------------------------

  emit(event: () => ConnectionEvent): void {
    if (this.events.active) this.events.publish([event()])
  }

  hook(name: string, run: (hooks: Connection.Hooks) => Effect.Effect<unknown, unknown> | undefined): void {
    const { hooks } = this
    const effect = hooks === undefined ? undefined : run(hooks)
    if (effect !== undefined) (this.hookQueue ??= new HookQueue(this)).add(name, effect)
  }

  hookFailed(hook: string): void {
    this.emit(() => ({ _tag: "HookFailed", epoch: this.epoch, hook }))
  }

  stalled(bytes: number): void {
    this.emit(() => ({ _tag: "ReaderStalled", epoch: this.epoch, bytes }))
  }

  dropped(reason: DropReason, count: number): void {
    this.drop("inbox", reason, count)
  }

  drop(where: "inbox" | "outbox", reason: DropReason, count: number): void {
    this.figures.drop(reason, count)
    this.emit(() => ({ _tag: "Dropped", where, reason, count }))
  }

  // --- the loop --------------------------------------------------------------

  dispatch(input: Lifecycle.Input, then?: () => void): void {
    if (this.inputs !== undefined) {
      this.inputs.push({ input, then })
      return
    }
    const inputs: Array<Pending> = [{ input, then }]
    this.inputs = inputs
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) this.take(next)
    this.inputs = undefined
  }

  private take({ input, then }: Pending): void {
    const [state, commands] = Lifecycle.reduce(this.lifecycle, input, this.wall())
    const changed = state.phase !== this.lifecycle.phase
    this.lifecycle = state
    for (const command of commands) this.perform(command)
    if (changed) this.state.set(Lifecycle.publicState(state))
    if (changed && state.phase._tag === "Closed") this.state.end()
    then?.()
  }

  private perform(command: Lifecycle.Command): void {
    switch (command._tag) {
      case "Dial":
        return this.dial(command)
      case "EndSession":
        return this.endSession(command.epoch, command.how)
      case "Promote":
        return this.armOverlap()
      case "Step":
        return (this.retries ??= new Retries(this)).ask(this.policies.reconnect, command.error, command.fresh)
      case "Wait":
        return this.deadlines.set("retry", this.now() + command.delay)
      case "CancelWait":
        return this.deadlines.clear("retry")
      case "Revive":
        this.inbox.revive()
        return this.outbox.reopen()
      case "Halt":
        return this.halt(command.error)
      case "Emit":
        this.emit(() => command.event)
        return logEvent(this.fibers, this.connection, command.event)
    }
  }

  private dial(command: Extract<Lifecycle.Command, { readonly _tag: "Dial" }>): void {
    this.figures.dials++
    this.retries?.withdraw()
    const session = new Session(this, command)
    this.sessions = [...this.sessions, session]
    session.start()
  }

  private endSession(epoch: number, how: "graceful" | "drop"): void {
    const session = this.sessionOf(epoch)
    if (session === undefined) return
    // Its socket may take its time to end; for the reader and the senders it is over now.
    if (this.active === session) {
      this.release(session)
      this.interrupt(session, closedByUs(session))
    }
    if (how === "drop") session.drop()
    else session.close(this.policies.closeTimeout)
  }

  /** The session that messages flowed through is lost. */
  private interrupt(session: Session<In, Out>, cause: ConnectionError): void {
    this.active = undefined
    this.deadlines.clear("stable")
    this.deadlines.clear("rotate")
    this.handover.interrupt(session, cause)
    this.cut(session)
    this.outbox.down()
  }

  private halt(error: ConnectionError | undefined): void {
    this.retries?.withdraw()
    this.deadlines.clear("retry")
    this.handover.rotation.end()
    this.inbox.finish(error)
    const state = error === undefined ? "Closed" : "Failed"
    this.outbox.close(new NotConnected({ connection: this.connection, state }))
    if (error === undefined) this.events.end()
  }

  private stable(): void {
    const session = this.active
    if (session === undefined) return
    session.gate = "Stable"
    this.dispatch({ _tag: "Stable", epoch: session.epoch })
  }

  /** New policies, for the next dial. */
  adopt(policies: Connection.Policies, target: Recipe): void {
    this.policies = policies
    this.target = target
    const config = { ...this.lifecycle.config, endpoints: target.endpoints, retryFirst: policies.reconnect.first }
    this.lifecycle = { ...this.lifecycle, config }
  }

  rotate(reason: string): void {
    this.deadlines.clear("rotate")
    this.dispatch({ _tag: "Restart", mode: this.handover.rotation.mode, by: "auto", reason })
    // Refused, or the successor may fail: the next try is not left to chance.
    if (this.live !== undefined) this.deadlines.set("rotate", this.now() + rotateAgain)
  }

  // --- what sessions report --------------------------------------------------

  settled(session: Session<In, Out>): Effect.Effect<void> {
    if (session.dial.role === "successor") return Effect.void
    const others = this.sessions.filter((other) => other !== session && other.over)
    if (others.length === 0) return Effect.void
    return Effect.timeoutOrElse(left(others), {
      duration: settleAtMost,
      orElse: () => Effect.sync(() => others.forEach((other) => other.link?.terminate()))
    })
  }

  opened(session: Session<In, Out>): void {
    if (session.dial.role === "successor" && this.handover.rotation.begin()) this.deadlines.clear("overlap")
    this.dispatch({ _tag: "Opened", epoch: session.epoch })
  }

  ready(session: Session<In, Out>, resumed: unknown): void {
    this.figures.ready++
    if (session.dial.role === "successor") this.attention?.successorReady()
    const from = this.active
    const isSwap = session.dial.role === "successor" && this.live !== undefined && from !== undefined
    if (isSwap) this.handover.hold(session, from.epoch)
    else this.handover.begin(session, resumed)
    this.active = session
    this.dispatch({ _tag: "Ready", epoch: session.epoch })
    if (session.over) return
    this.attention?.ready(session)
    if (session.writer !== undefined) this.outbox.attach(session.writer)
    const now = this.now()
    this.deadlines.set("stable", now + Duration.toMillis(this.policies.reconnect.stableAfter))
    const expiresIn = session.expiresAt === undefined ? undefined : session.expiresAt - this.wall()
    const chance = Context.get(this.context, Random.Random).nextDoubleUnsafe()
    this.deadlines.set("rotate", now + this.handover.rotation.due(expiresIn, chance))
  }

  ended(session: Session<In, Out>, error: ConnectionError): void {
    this.figures.ended(session)
    if (this.active === session) this.interrupt(session, error)
    const told = toldOf(session, error, this.handover.ended(session))
    const decision = this.policies.reconnect.classify(error)
    this.dispatch({ _tag: "Ended", epoch: session.epoch, error, decision }, () =>
      tellEnded(this.taps, session.epoch, told)
    )
    this.handover.forgetLater()
    this.fork(
      Effect.andThen(
        session.hasLeft,
        Effect.sync(() => {
          this.sessions = this.sessions.filter((other) => other !== session)
        })
      )
    )
  }

  overlapped(old: Session<In, Out> | undefined): void {
    this.deadlines.clear("overlap")
    old?.silence()
    old?.close(this.policies.closeTimeout)
  }

  release(session: Session<In, Out>): void {
    this.handover.release(session)
  }

  dataLost(session: Session<In, Out>): void {
    if (session !== this.active) return
    this.dispatch({ _tag: "Restart", mode: "breakFirst", by: "auto", reason: "no application data" })
  }

  cut({ writer }: Session<In, Out>): void {
    if (writer !== undefined) this.outbox.cut(writer)
  }

  fail(error: ConnectionError): void {
    this.dispatch({ _tag: "Fail", error })
  }

  /** Nothing is left of it afterwards; bounded by the sessions' close deadlines. */
  dismantle(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.deadlines.clearAll()
      return Effect.andThen(left(this.sessions), this.fibers.end())
    })
  }

  private sessionOf(epoch: number): Session<In, Out> | undefined {
    return this.sessions.find((session) => session.epoch === epoch)
  }
}

interface Pending {
  readonly input: Lifecycle.Input
  /** Done once the state has changed. */
  readonly then: (() => void) | undefined
}

const none: ReadonlySet<never> = new Set()

/** Waits until their sockets are gone. */
const left = (sessions: ReadonlyArray<{ readonly hasLeft: Effect.Effect<void> }>): Effect.Effect<void> =>
  Effect.all(
    sessions.map(({ hasLeft }) => hasLeft),
    { concurrency: "unbounded", discard: true }
  )
