/**
 * The loop over sessions: feeds what happens to the pure lifecycle and performs
 * the commands it gives. Everything here is synchronous; what takes time is a
 * supervised fiber or a timer.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { ConnectionError } from "../../../ConnectionError.ts"
import { NotConnected } from "../../../ConnectionError.ts"
import type { ConnectionState } from "../../../ConnectionState.ts"
import { Surroundings } from "../../../Surroundings.ts"
import type { Ward } from "../../platform/reaction.ts"
import { type Deadline, Deadlines } from "./deadlines.ts"
import { Ground, type GroundOptions } from "./ground.ts"
import { Handover } from "./handover.ts"
import type { Host } from "../../session/host.ts"
import { Inbox } from "../../inbox/inbox.ts"
import { logEvent } from "./log.ts"
import { left, settled } from "../../session/leaving.ts"
import * as Lifecycle from "../../lifecycle/reduce.ts"
import * as Check from "../../model/check.ts"
import { Outbox } from "../../outbox/outbox.ts"
import { InboxPort, OutboxPort, type Owner } from "./ports.ts"
import { Retries } from "./retries.ts"
import { Session } from "../../session/session.ts"
import { closedByUs } from "../../session/errors.ts"
import * as Settings from "./settings.ts"
import { tellEnded } from "./taps.ts"
import { Cell } from "../../kit/cell.ts"

/** When a rotation whose successor failed is tried again. */
const rotateAgain = 30_000

export class Supervisor<In, Out> extends Ground<In, Out> implements Host<In, Out>, Owner, Ward {
  readonly inbox: Inbox<In>
  readonly outbox: Outbox<In, Out>
  readonly outboxHooks = new OutboxPort(this)
  readonly state: Cell<ConnectionState>
  active: Session<In, Out> | undefined
  sessions: ReadonlyArray<Session<In, Out>> = []
  attention: Ward["attention"]
  /** Ends what tells it of its surroundings. */
  private heeded: (() => void) | undefined
  readonly deadlines = new Deadlines(this)
  readonly handover: Handover<In, Out>
  lifecycle: Lifecycle.State
  private dispatching = false
  /** What is dispatched meanwhile. */
  private pending: Array<Pending> | undefined
  private retries: Retries | undefined

  constructor(given: GroundOptions<In, Out>) {
    super(given)
    const { connection, options, policies, target } = given
    this.inbox = new Inbox({
      connection,
      highWaterMark: options.inbox?.highWaterMark ?? 65_536,
      overflow: options.inbox?.overflow ?? "fail",
      hooks: new InboxPort(this)
    })
    const { pause } = this.transport.capabilities
    if (pause) this.inbox.pausing = pause(this.inbox, this)
    this.outbox = new Outbox({
      connection,
      ...Settings.outbox(options.outbox),
      encode: this.codec.encode,
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

  /** Acts on its surroundings from now on, if there is somebody to tell of them. */
  heed(): void {
    this.heeded = Context.get(this.context, Surroundings)?.(this)
  }

  heedNoMore(): void {
    this.heeded?.()
    this.heeded = undefined
  }

  // --- what there is ---------------------------------------------------------

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

  // --- what is due -----------------------------------------------------------

  due(deadline: Deadline): void {
    switch (deadline) {
      case "retry":
        return this.dispatch({ _tag: "RetryDue" })
      case "stable":
        return this.stable()
      case "rotate":
        return this.rotate("it was due")
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

  // --- the loop --------------------------------------------------------------

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
        // One that still closes has been turned away since the failure: nothing of it may follow that hole.
        for (const session of this.sessions) session.mute()
        this.inbox.revive()
        return this.outbox.reopen()
      case "Halt":
        return this.halt(command.error)
      case "Emit":
        if (this.events.active) this.events.publish([command.event])
        return logEvent(this.fibers, this.connection, command.event)
    }
  }

  private dial(command: Extract<Lifecycle.Command, { readonly _tag: "Dial" }>): void {
    this.figures.dials++
    this.retries?.withdraw()
    if (command.role === "successor") this.handover.dialed()
    const session = new Session(this, command)
    // The spread of an array keeps room for sixteen more.
    this.sessions = this.sessions.length === 0 ? [session] : [...this.sessions, session]
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

  rotate(reason: string): void {
    this.deadlines.clear("rotate")
    this.dispatch({ _tag: "Restart", mode: this.handover.rotation.mode, by: "auto", reason })
    // Refused, or the successor may fail: the next try is not left to chance.
    if (this.live !== undefined) this.deadlines.set("rotate", this.now() + rotateAgain)
  }

  // --- what sessions report --------------------------------------------------

  settled(session: Session<In, Out>): Effect.Effect<void> | undefined {
    if (session.dial.role === "successor" || this.sessions.length === 1) return undefined
    return settled(this.sessions.filter((other) => other !== session && other.over))
  }

  opened(session: Session<In, Out>): void {
    this.dispatch({ _tag: "Opened", epoch: session.epoch })
  }

  ready(session: Session<In, Out>, resumed: unknown): void {
    this.figures.ready++
    if (session.dial.role === "successor") this.attention?.successorReady()
    const from = this.active
    const isSwap = session.dial.role === "successor" && this.live !== undefined && from !== undefined
    if (isSwap) this.handover.hold(session, from, resumed)
    else this.handover.begin(session, resumed)
    this.active = session
    this.dispatch({ _tag: "Ready", epoch: session.epoch })
    if (session.over) return
    this.attention?.ready(session)
    if (session.writer !== undefined) this.outbox.attach(session.writer)
    const now = this.now()
    this.deadlines.set("stable", now + Check.millis(this.policies.reconnect.stableAfter))
    const expiresIn = session.expiresAt === undefined ? undefined : session.expiresAt - this.wall()
    const chance = Context.get(this.context, Random.Random).nextDoubleUnsafe()
    this.deadlines.set("rotate", now + this.handover.rotation.due(expiresIn, chance))
  }

  ended(session: Session<In, Out>, error: ConnectionError): void {
    this.figures.ended(session)
    if (this.active === session) this.interrupt(session, error)
    const told = this.handover.ended(session, error)
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

  overlapped(old: Session<In, Out>): void {
    this.deadlines.clear("overlap")
    old.silence()
    old.close(this.policies.closeTimeout)
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
    return Effect.suspend(() =>
      Effect.andThen(
        left(this.sessions),
        Effect.suspend(() => {
          // Only now: the end of a session may set one.
          this.deadlines.clearAll()
          return this.fibers.end()
        })
      )
    )
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
