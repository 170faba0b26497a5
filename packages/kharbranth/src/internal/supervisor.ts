/**
 * The loop over sessions: feeds what happens to the pure lifecycle and performs
 * the commands it gives. Everything here is synchronous; what takes time is a
 * supervised fiber or an alarm.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type { Random } from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { Codec } from "../Codec.ts"
import type * as Connection from "../Connection.ts"
import type { ConnectionError } from "../ConnectionError.ts"
import { NotConnected } from "../ConnectionError.ts"
import type { ConnectionEvent, DropReason } from "../ConnectionEvent.ts"
import type { ConnectionState } from "../ConnectionState.ts"
import * as Entries from "../Inbox.ts"
import * as RateLimit from "../RateLimit.ts"
import type { Recipe } from "../Target.ts"
import type { Transport } from "../Transport.ts"
import { Alarm, type Fork } from "./alarm.ts"
import { Fanout } from "./fanout.ts"
import { Figures, HookQueue } from "./figures.ts"
import type { Host, Limits, Opener } from "./host.ts"
import { Inbox } from "./inbox.ts"
import { logEvent } from "./journal.ts"
import * as Lifecycle from "./lifecycle.ts"
import { type Hooks as OutboxHooks, Outbox, settings } from "./outbox.ts"
import * as Check from "./options.ts"
import { Rotation } from "./rotation.ts"
import { Session } from "./session.ts"
import { Cell } from "./watch.ts"

type Step = (now: number, input: ConnectionError) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

/** How long a dial waits for earlier sockets to finish closing. */
const settleAtMost = Duration.millis(500)
/** When a rotation whose successor failed is tried again. */
const rotateAgain = 30_000

export interface SupervisorOptions<In, Out> {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly transport: Transport["Service"]
  readonly clock: Clock.Clock
  readonly random: Random
  readonly fork: Fork
  readonly policies: Connection.Policies
  readonly recipe: Recipe
  readonly options: Connection.Options<Codec<In, Out>, unknown, never, never>
}

export class Supervisor<In, Out> implements Host<In, Out> {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly transport: Transport["Service"]
  readonly fork: Fork
  readonly figures = new Figures()
  readonly inbox: Inbox<In>
  readonly outbox: Outbox<In, Out>
  readonly outboxHooks: OutboxHooks
  readonly state: Cell<ConnectionState>
  readonly events = new Fanout<ConnectionEvent>()
  readonly taps = new Set<Connection.Tap<In, Out>>()
  readonly maxMessageSize: number
  readonly writeMark: number
  readonly openBuffer: number
  readonly onOpen: Opener<In, Out> | undefined
  readonly permit: Host<In, Out>["permit"]
  readonly hooks: Connection.Hooks | undefined
  readonly meter: () => RateLimit.Meter | undefined
  policies: Connection.Policies
  active: Session<In, Out> | undefined
  private target: Recipe
  private readonly clock: Clock.Clock
  private readonly random: Random
  private readonly rotation: Rotation<In>
  private readonly hookQueue: HookQueue
  private readonly maxStall: number
  private readonly sessions = new Map<number, Session<In, Out>>()
  private held: { readonly session: Session<In, Out>; readonly resumed: unknown; readonly from: number } | undefined
  private lifecycle: Lifecycle.State
  private readonly inputs: Array<Lifecycle.Input> = []
  private dispatching = false
  private step: Step | undefined
  private question = 0
  /** What the last session that was Ready left behind. */
  private interrupted: { readonly from: number | undefined; readonly cause: ConnectionError } | undefined
  private readonly retryAlarm: Alarm
  private readonly stableAlarm: Alarm
  private readonly rotateAlarm: Alarm
  private readonly stallAlarm: Alarm
  private readonly outboxAlarm: Alarm
  private readonly overlapAlarm: Alarm

  constructor(given: SupervisorOptions<In, Out>) {
    const { options } = given
    this.connection = given.connection
    this.codec = given.codec
    this.transport = given.transport
    this.clock = given.clock
    this.random = given.random
    this.fork = given.fork
    this.policies = given.policies
    this.target = given.recipe
    this.maxMessageSize = options.maxMessageSize ?? 1024 * 1024
    this.writeMark = options.writeMark ?? 256 * 1024
    this.openBuffer = options.openBuffer ?? 16 * 1024 * 1024
    this.onOpen = options.onOpen
    this.permit = options.permit
    this.hooks = options.hooks
    this.meter = metersOf(given.policies)
    this.rotation = new Rotation(options.rotate)
    this.maxStall = Duration.toMillis(Check.durationOr(options.inbox?.maxStall, "10 seconds"))
    const alarm = (fire: () => void) => new Alarm(this.fork, this.now, fire)
    this.retryAlarm = alarm(() => this.dispatch({ _tag: "RetryDue" }))
    this.stableAlarm = alarm(() => this.stable())
    this.rotateAlarm = alarm(() => this.rotate("it was due"))
    this.stallAlarm = alarm(() => this.inbox.stallDue())
    this.outboxAlarm = alarm(() => this.outbox.wake(this.now()))
    this.overlapAlarm = alarm(() => this.overlapped())
    this.hookQueue = new HookQueue(
      this.fork,
      (hook) => this.emit(() => ({ _tag: "HookFailed", epoch: this.lifecycle.epoch, hook })),
      () => this.dropped("overflow", 1)
    )
    this.inbox = this.makeInbox(options)
    this.outboxHooks = this.makeOutboxHooks()
    const outboxOptions = settings<In, Out>(options.outbox ?? {})
    this.outbox = new Outbox<In, Out>({
      connection: this.connection,
      ...outboxOptions,
      encode: (message) => this.codec.encode(message),
      hooks: this.outboxHooks
    })
    this.lifecycle = Lifecycle.initial({
      connection: this.connection,
      endpoints: given.recipe.endpoints,
      retryFirst: given.policies.reconnect.first
    })
    this.state = new Cell(Lifecycle.publicState(this.lifecycle))
    this.listen()
  }

  readonly now = (): number => Number(this.clock.monotonicTimeNanosUnsafe()) / 1e6
  readonly wall = (): number => this.clock.currentTimeMillisUnsafe()
  readonly recipe = (): Recipe => this.target
  readonly heartbeat = () => this.policies.heartbeat
  readonly limits = (): Limits => this.policies

  readonly openers = (): ReadonlyArray<Opener<In, Out>> =>
    [...this.taps].flatMap((tap) => (tap.open === undefined ? [] : [tap.open]))

  readonly emit = (event: () => ConnectionEvent): void => {
    if (this.events.active) this.events.publish([event()])
  }

  readonly dropped = (reason: DropReason, count: number): void => this.drop("inbox", reason, count)

  readonly hook: Host<In, Out>["hook"] = (name, run) => {
    const hooks = this.hooks
    if (hooks === undefined) return
    const effect = run(hooks)
    if (effect !== undefined) this.hookQueue.add(name, () => effect)
  }

  /** The session that users mean: active and Ready. */
  get live(): Session<In, Out> | undefined {
    return this.lifecycle.phase._tag === "Live" ? this.sessions.get(this.lifecycle.phase.epoch) : undefined
  }

  get phase(): Lifecycle.Phase {
    return this.lifecycle.phase
  }

  get epoch(): number {
    return this.lifecycle.epoch
  }

  /** Waits, bounded by their close deadlines, until every socket is gone. */
  readonly gone: Effect.Effect<void> = Effect.suspend(() =>
    Effect.all(
      [...this.sessions.values()].map((session) => session.hasLeft),
      { concurrency: "unbounded", discard: true }
    )
  )

  /** What stands in for a state in errors. */
  readonly stateName = (): string => {
    const state = this.state.getUnsafe()
    return state._tag === "Disconnected" ? state.reason : state._tag
  }

  notConnected(): NotConnected {
    return new NotConnected({ connection: this.connection, state: this.stateName() })
  }

  /** New policies, for the next dial. */
  adopt(policies: Connection.Policies, recipe: Recipe): void {
    this.policies = policies
    this.target = recipe
    this.lifecycle = {
      ...this.lifecycle,
      config: { ...this.lifecycle.config, endpoints: recipe.endpoints, retryFirst: policies.reconnect.first }
    }
  }

  dispatch(input: Lifecycle.Input): void {
    this.inputs.push(input)
    if (this.dispatching) return
    this.dispatching = true
    for (let next = this.inputs.shift(); next !== undefined; next = this.inputs.shift()) {
      const [state, commands] = Lifecycle.reduce(this.lifecycle, next, this.wall())
      const changed = state.phase !== this.lifecycle.phase
      this.lifecycle = state
      for (const command of commands) this.perform(command)
      if (changed) this.state.set(Lifecycle.publicState(state))
      if (changed && state.phase._tag === "Closed") this.state.end()
    }
    this.dispatching = false
  }

  // --- what sessions report --------------------------------------------------

  readonly settled = (session: Session<In, Out>): Effect.Effect<void> => {
    if (session.dial.role === "successor") return Effect.void
    const others = [...this.sessions.values()].filter((other) => other !== session && other.over)
    if (others.length === 0) return Effect.void
    return Effect.all(
      others.map((other) => other.hasLeft),
      { concurrency: "unbounded", discard: true }
    ).pipe(
      Effect.timeoutOrElse({
        duration: settleAtMost,
        orElse: () => Effect.sync(() => others.forEach((other) => other.link?.terminate()))
      })
    )
  }

  readonly opened = (session: Session<In, Out>): void => {
    if (session.dial.role === "successor") this.rotation.begin()
    this.dispatch({ _tag: "Opened", epoch: session.epoch })
  }

  readonly ready = (session: Session<In, Out>, resumed: unknown): void => {
    this.figures.ready++
    const from = this.active
    const isSwap = session.dial.role === "successor" && this.live !== undefined && from !== undefined
    if (isSwap) this.held = { session, resumed, from: from.epoch }
    else this.begin(session, resumed)
    this.active = session
    this.dispatch({ _tag: "Ready", epoch: session.epoch })
    if (session.over) return
    if (session.writer !== undefined) this.outbox.attach(session.writer)
    this.stableAlarm.set(this.now() + Duration.toMillis(this.policies.reconnect.stableAfter))
    const expiresIn = session.expiresAt === undefined ? undefined : session.expiresAt - this.wall()
    const due = this.rotation.due(expiresIn, this.random.nextDoubleUnsafe())
    this.rotateAlarm.set(due === Infinity ? Infinity : this.now() + due)
  }

  readonly ended = (session: Session<In, Out>, error: ConnectionError): void => {
    this.figures.errors++
    if (session.writer !== undefined) {
      this.figures.messagesOut += session.writer.written
      this.figures.bytesOut += session.writer.bytes
    }
    for (const tap of this.taps) tap.ended?.(session.epoch)
    if (this.active === session) this.interrupt(session, error)
    if (this.held?.from === session.epoch) this.overlapped()
    if (this.held?.session === session) this.held = undefined
    this.dispatch({
      _tag: "Ended",
      epoch: session.epoch,
      error,
      decision: this.policies.reconnect.classify(error)
    })
    this.fork(
      Effect.andThen(
        session.hasLeft,
        Effect.sync(() => this.sessions.delete(session.epoch))
      )
    )
  }

  readonly release = (session: Session<In, Out>): void => {
    if (this.held?.session === session) this.overlapped()
  }

  readonly dataLost = (session: Session<In, Out>): void => {
    if (session !== this.active) return
    this.dispatch({ _tag: "Restart", mode: "breakFirst", by: "auto", reason: "no application data" })
  }

  readonly cut = (session: Session<In, Out>): void => {
    if (session.writer !== undefined) this.outbox.cut(session.writer)
  }

  readonly fail = (error: ConnectionError): void => this.dispatch({ _tag: "Fail", error })

  rotate(reason: string): void {
    this.rotateAlarm.clear()
    this.dispatch({ _tag: "Restart", mode: this.rotation.mode, by: "auto", reason })
    // Refused, or the successor may fail: the next try is not left to chance.
    if (this.live !== undefined) this.rotateAlarm.set(this.now() + rotateAgain)
  }

  // --- commands --------------------------------------------------------------

  private perform(command: Lifecycle.Command): void {
    switch (command._tag) {
      case "Dial":
        return this.dial(command)
      case "EndSession":
        return this.endSession(command.epoch, command.how)
      case "Promote":
        return this.overlapAlarm.set(this.now() + this.rotation.overlap)
      case "Step":
        return this.consult(command.error, command.fresh)
      case "Wait":
        return this.retryAlarm.set(this.now() + command.delay)
      case "CancelWait":
        return this.retryAlarm.clear()
      case "Revive":
        this.inbox.revive()
        return this.outbox.reopen()
      case "Halt":
        return this.halt(command.error)
      case "Emit":
        return this.tell(command.event)
    }
  }

  private dial(command: Extract<Lifecycle.Command, { readonly _tag: "Dial" }>): void {
    this.figures.dials++
    this.question++
    const session = new Session(this, command)
    this.sessions.set(command.epoch, session)
    session.start()
  }

  private endSession(epoch: number, how: "graceful" | "drop"): void {
    const session = this.sessions.get(epoch)
    if (session === undefined) return
    // Its socket may take its time to end; for the reader and the senders it is over now.
    if (this.active === session) {
      this.release(session)
      this.interrupt(session, session.closedByUs())
    }
    if (how === "drop") session.drop()
    else session.close(this.policies.closeTimeout)
  }

  /** The session that messages flowed through is lost. */
  private interrupt(session: Session<In, Out>, cause: ConnectionError): void {
    this.active = undefined
    this.stableAlarm.clear()
    this.rotateAlarm.clear()
    this.interrupted = { from: this.inbox.lastMessageAt ?? session.endedAt, cause }
    if (session.writer !== undefined) this.outbox.cut(session.writer)
    this.outbox.down()
  }

  private consult(error: ConnectionError, fresh: boolean): void {
    const question = ++this.question
    const answer = (input: Lifecycle.Input) =>
      Effect.sync(() => {
        if (question === this.question) this.dispatch(input)
      })
    const made = this.step
    const step =
      fresh || made === undefined
        ? Effect.map(Schedule.toStep(this.policies.reconnect.schedule), (next) => (this.step = next))
        : Effect.succeed(made)
    this.fork(
      step.pipe(
        Effect.flatMap((next) => next(this.wall(), error)),
        Effect.flatMap(([, delay]) => answer({ _tag: "Stepped", delay: Duration.toMillis(delay) })),
        Pull.catchDone(() => answer({ _tag: "Exhausted" }))
      )
    )
  }

  private halt(error: ConnectionError | undefined): void {
    this.question++
    this.retryAlarm.clear()
    this.inbox.finish(error)
    const state = error === undefined ? "Closed" : "Failed"
    this.outbox.close(new NotConnected({ connection: this.connection, state }))
    if (error === undefined) this.events.end()
  }

  private tell(event: ConnectionEvent): void {
    this.emit(() => event)
    logEvent(this.fork, this.connection, event)
  }

  // --- boundaries ------------------------------------------------------------

  private begin(session: Session<In, Out>, resumed: unknown): void {
    const { epoch } = session
    const { interrupted } = this
    for (const other of this.sessions.values()) if (other !== session && other !== this.active) other.mute()
    if (interrupted !== undefined) {
      this.inbox.mark(Entries.gap({ epoch, ...interrupted, to: this.wall(), resumed }))
      this.interrupted = undefined
    }
    this.inbox.mark(Entries.sessionOpened({ epoch, rotated: false, possibleDuplicates: 0 }))
    session.release()
  }

  /** The overlap of a swap is over: the old session falls silent, the new one delivers. */
  private overlapped(): void {
    const { held } = this
    if (held === undefined) return
    this.held = undefined
    this.overlapAlarm.clear()
    const old = this.sessions.get(held.from)
    const waiting = held.session.opening.messages()
    const fresh = this.rotation.remembers ? waiting.filter((message) => !this.rotation.seen(message)) : waiting
    const possibleDuplicates = this.rotation.remembers ? 0 : waiting.length
    this.inbox.mark(Entries.sessionOpened({ epoch: held.session.epoch, rotated: true, possibleDuplicates }))
    held.session.release(fresh)
    if (old !== undefined) {
      old.silence()
      old.close(this.policies.closeTimeout)
    }
  }

  private stable(): void {
    const session = this.active
    if (session === undefined) return
    session.gate = "Stable"
    this.dispatch({ _tag: "Stable", epoch: session.epoch })
  }

  /** The core's own taps: acknowledgements, rotation notices, keys for an overlap. */
  private listen(): void {
    const { notice, dedupe } = this.rotation
    if (!this.outbox.wantsAcks && notice === undefined && dedupe === undefined) return
    this.inbox.addTap({
      claim: (message, epoch) => {
        if (this.outbox.wantsAcks) this.outbox.acknowledge([message])
        if (notice !== undefined && epoch === this.active?.epoch && notice(message))
          this.rotate("the server announced its end")
        return dedupe !== undefined && this.overlapClaims(message, epoch)
      }
    })
  }

  private overlapClaims(message: In, epoch: number): boolean {
    if (!this.rotation.remembers) return false
    const isOld = this.held === undefined ? epoch === this.active?.epoch && this.hasSuccessor : epoch === this.held.from
    if (isOld) this.rotation.remember(message)
    return !isOld && this.held === undefined && this.rotation.seen(message)
  }

  private get hasSuccessor(): boolean {
    const { phase } = this.lifecycle
    return phase._tag === "Live" && phase.successor !== undefined
  }

  private drop(where: "inbox" | "outbox", reason: DropReason, count: number): void {
    this.figures.drop(reason, count)
    this.emit(() => ({ _tag: "Dropped", where, reason, count }))
  }

  private makeInbox(options: SupervisorOptions<In, Out>["options"]): Inbox<In> {
    return new Inbox<In>({
      connection: this.connection,
      highWaterMark: options.inbox?.highWaterMark ?? 65_536,
      overflow: options.inbox?.overflow ?? "fail",
      skipDecodeErrors: this.codec.onDecodeError === "skip",
      hooks: {
        defer: queueMicrotask,
        now: this.wall,
        dropped: this.dropped,
        decodeFailed: this.fail,
        overflowed: this.fail,
        stalled: (bytes) => this.emit(() => ({ _tag: "ReaderStalled", epoch: this.lifecycle.epoch, bytes })),
        armStall: () => this.stallAlarm.set(this.now() + this.maxStall)
      }
    })
  }

  private makeOutboxHooks(): OutboxHooks {
    return {
      now: this.now,
      defer: queueMicrotask,
      arm: (at) => this.outboxAlarm.atLatest(at),
      dropped: (reason, count) => this.drop("outbox", reason, count),
      state: this.stateName
    }
  }
}

const metersOf = (policies: Connection.Policies): (() => RateLimit.Meter | undefined) =>
  policies.rateLimit === undefined ? () => undefined : RateLimit.meters(policies.rateLimit)
