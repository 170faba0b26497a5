/**
 * One socket's life: resolve, dial, open, deliver, end. A session reports each
 * gate and, exactly once, its end; after that every late callback is ignored.
 *
 * What becomes of a frame follows from the stage that the session is in, and
 * only `enter` changes the stage.
 */
import * as Duration from "effect/Duration"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { Decoder } from "../../Codec.ts"
import type * as ConnectionError from "../../ConnectionError.ts"
import type { Frame } from "../../Message.ts"
import type { Heartbeat } from "../../Heartbeat.ts"
import type { Link, Receiver } from "../../Transport.ts"
import type { Lane } from "../inbox/inbox.ts"
import { attempt } from "../kit/guard.ts"
import type { Timer } from "../kit/timers.ts"
import { Waiting } from "../kit/waiting.ts"
import { closedByUs } from "../lifecycle/moves.ts"
import * as Check from "../model/check.ts"
import type { Control } from "../model/frame.ts"
import { nothing } from "../outbox/record.ts"
import { Writer } from "../outbox/writer.ts"
import * as Ending from "./ending.ts"
import { Liveness } from "./liveness.ts"
import { type BufferedSession, OpenBuffer } from "./openBuffer.ts"
import type { DialCommand, SessionContext, SessionParts } from "./context.ts"
import { openProgram } from "./openProgram.ts"
import * as Start from "./start.ts"

type Failure = ConnectionError.ConnectionError

/** What a session uses of its connection, and where it reports each gate and its end. */
export interface SessionOwner<In, Out> extends SessionContext<In, Out> {
  /** Waits, bounded, until the sockets of earlier sessions are gone, if there are any. */
  settled(session: Session<In, Out>): Effect.Effect<void> | undefined
  /** What our close frames say. */
  readonly parting: { readonly code: number; readonly reason: string }
  /** Its dial has shown no sign of life for a while. */
  hung(session: Session<In, Out>): void
  opened(session: Session<In, Out>): void
  ready(session: Session<In, Out>): void
  ended(session: Session<In, Out>, error: Failure): void
  /** An overlap is cut short: the session may deliver. */
  release(session: Session<In, Out>): void
  dataLost(session: Session<In, Out>): void
  /** The session writes nothing more of the outbox. */
  cut(session: Session<In, Out>): void
}

type Stage =
  /** On the way to a link. */
  | "Dialing"
  /** The programs run that lead to Ready; what arrives waits. */
  | "Opening"
  /** Ready; what arrives still waits: for the decision that it may begin, or for the end of an overlap. */
  | "Ready"
  /** What arrives goes to the reader. */
  | "Delivering"
  /** We close it. What still comes was on its way, and is kept if the reader has room. */
  | "Closing"
  /** We close it. Another session has delivered what still comes. */
  | "Silent"
  /** Nothing of it counts any more. */
  | "Over"

/** For its link a session is the receiver, for the inbox a lane. */
export class Session<In, Out> implements Receiver, Lane<In>, BufferedSession<In>, SessionParts<In> {
  readonly dial: DialCommand
  readonly epoch: number
  readonly decoder: Decoder<In>
  readonly lazyText: Receiver["lazyText"]
  /** Only where it changes something: a transport looks for signs of life only then. */
  readonly reached: (() => void) | undefined
  /** A frame that did not decode was its end. */
  broken = false
  link: Link | undefined
  writer: Writer | undefined
  liveness: Liveness<In, Out> | undefined
  dataFrames = 0
  expiresAt: number | undefined
  writeMark = 0
  /** What its target says of it. */
  heartbeat: Heartbeat | undefined
  /** What its programs returned. */
  resumed: unknown
  phase: ConnectionError.DialPhase | undefined
  heardAt = 0
  /** We have begun to close it. */
  closing = false
  /** What ended it. */
  ending: Failure | undefined
  private readonly owner: SessionOwner<In, Out>
  private stage: Stage = "Dialing"
  /** What came before it was released; made when something comes. */
  private buffer: OpenBuffer<In> | undefined
  private program: Fiber.Fiber<void> | undefined
  /** Releases what its dial holds, or asks for: nothing once there is a link. */
  private releaseDial: ((error: Failure) => void) | undefined
  /** What its programs have acquired. */
  private acquired: Scope.Closeable | undefined
  /** The reader had no room for what came while it closed. */
  private refused = false
  /** Its socket is gone. */
  private gone = false
  /** Ends a closing handshake that takes too long. */
  private closeDeadline: Timer | undefined
  /** Rings while the dial shows no sign of life. */
  private hungTimer: Timer | undefined
  private waiting: Waiting | undefined
  /** When the last phase of its dial began: once it is open, since when. */
  private phaseSince = 0

  constructor(owner: SessionOwner<In, Out>, dial: DialCommand) {
    this.owner = owner
    this.dial = dial
    this.epoch = dial.epoch
    const decoder = owner.codec.decoder()
    this.decoder = decoder
    const { hedgeAfter } = owner.policies.reconnect
    this.reached = hedgeAfter && (() => this.hungTimer?.set(owner.mono() + Check.millis(hedgeAfter)))
    // It takes the way of a frame, as if it were one, to a decoder that knows what it asked for.
    this.lazyText = decoder.lazyText && ((text, size) => this.frame(text as unknown as Frame, size))
  }

  get connection(): string {
    return this.owner.connection
  }

  get isOver(): boolean {
    return this.stage === "Over"
  }

  get isOpening(): boolean {
    return this.stage === "Opening"
  }

  get isDelivering(): boolean {
    return this.stage === "Delivering"
  }

  get scope(): Scope.Scope {
    return (this.acquired ??= Scope.makeUnsafe())
  }

  /** While it delivers, the inbox may hold its link back. */
  private enter(stage: Stage): void {
    const { link, owner, stage: before } = this
    if (before === stage) return
    this.stage = stage
    if (before === "Dialing") this.dialingEnds()
    if (link === undefined) return
    if (stage === "Delivering") owner.inbox.attach(link)
    else if (before === "Delivering") owner.inbox.detach(link)
  }

  // --- on the way to Ready ---------------------------------------------------

  dialPhase(next?: ConnectionError.DialPhase): void {
    const { epoch, owner, phase, phaseSince: since } = this
    const now = owner.mono()
    this.phase = next
    if (next !== undefined) this.phaseSince = now
    // A transport that names the phases of its own replaces the one that stands for all of them.
    if (phase === undefined || (phase === "connect" && next !== undefined && next !== "open")) return
    owner.reports.emit(() => ({ _tag: "DialPhase", epoch, phase, took: Duration.millis(now - since) }))
  }

  start(): void {
    const program = Start.start(this.owner, this, this.owner.settled(this))
    if (program !== undefined) this.run(program)
  }

  /** Runs what leads to Ready. */
  private run(opening: Effect.Effect<unknown, Failure>): void {
    const program = this.owner.fork(
      Effect.map(Effect.exit(Effect.map(opening, (resumed) => this.isReady(resumed))), (exit) => {
        this.program = undefined
        if (Exit.isFailure(exit)) this.finish(Ending.failureOf(this, exit.cause))
      })
    )
    if (program.pollUnsafe() === undefined) this.program = program
  }

  /** Registers how to release what its dial holds, if anything. */
  hold(release: ((error: Failure) => void) | undefined): void {
    if (this.ending === undefined) this.releaseDial = release
    else release?.(this.ending)
  }

  /** The transport answered the dial, outside of any fiber. */
  dialed(exit: Exit.Exit<Link, Failure>): void {
    if (this.isOver) {
      if (Exit.isSuccess(exit)) exit.value.terminate()
      return this.finish(this.closedByUs())
    }
    if (Exit.isFailure(exit)) return this.finish(Ending.failureOf(this, exit.cause))
    // What users' code throws is the session's end, and not the transport's trouble.
    attempt(
      () => this.linked(exit.value),
      (defect) => this.finish(Ending.failureOf(this, Cause.die(defect)))
    )
  }

  private linked(link: Link): void {
    this.opened(link)
    const opening = openProgram(this.owner, this)
    if (opening === undefined) this.isReady(undefined)
    else this.run(opening)
  }

  dialing(): void {
    if (this.reached === undefined || this.stage !== "Dialing") return
    this.hungTimer = this.owner.timer(() => {
      this.reached?.()
      this.owner.hung(this)
    })
    this.reached()
  }

  private dialingEnds(): void {
    this.hungTimer?.clear()
    this.hungTimer = undefined
  }

  opened(link: Link): void {
    const { connection, policies, reports } = this.owner
    const { epoch } = this
    this.link = link
    this.heardAt = this.owner.wall()
    this.dialPhase("open")
    this.enter("Opening")
    this.writer = new Writer({
      connection,
      link,
      mark: this.writeMark,
      meter: this.owner.meter(),
      owner: this.owner
    })
    this.liveness = new Liveness(this.owner, this, this.heartbeat ?? policies.heartbeat, link)
    this.liveness.start()
    this.owner.opened(this)
    reports.hook(epoch, "onOpen", epoch)
  }

  private isReady(resumed: unknown): void {
    if (this.isOver) return
    this.resumed = resumed
    this.dialPhase()
    this.enter("Ready")
    this.owner.ready(this)
  }

  /** What waits until it is released. */
  get early(): OpenBuffer<In> {
    return (this.buffer ??= new OpenBuffer(this))
  }

  get openBuffer(): number {
    return this.owner.options.openBuffer ?? 16 * 1024 * 1024
  }

  decode(frame: Frame): ReadonlyArray<In> {
    return this.owner.inbox.decode(this, frame)
  }

  claim(messages: ReadonlyArray<In>): ReadonlyArray<In> {
    return this.owner.inbox.claim(messages, this.epoch)
  }

  dataLost(): void {
    this.owner.dataLost(this)
  }

  overrun(bytes: number): void {
    if (this.stage === "Ready") this.owner.release(this)
    else this.dead(Ending.overrun(this, bytes, this.openBuffer))
  }

  /** It may deliver: what waits goes to the reader, and whatever follows. */
  release(messages?: ReadonlyArray<In>): void {
    if (this.isDelivering) return
    const { buffer } = this
    const delivered = messages ?? buffer?.messages() ?? []
    this.buffer = undefined
    if (delivered.length > 0) this.owner.inbox.pushDecoded(this.epoch, delivered, buffer?.bytes ?? 0)
    if (!this.isOver) this.enter("Delivering")
  }

  // --- what the link reports -------------------------------------------------

  frame(frame: Frame, size: number): void {
    const { owner, stage } = this
    if (stage === "Over") return
    const { counters } = owner.reports
    counters.messagesIn++
    counters.bytesIn += size
    if (this.liveness?.filters === true && this.liveness.filter(frame)) return
    this.dataFrames++
    this.arrived(frame, size)
  }

  private arrived(frame: Frame, size: number): void {
    const { owner, stage } = this
    if (stage === "Delivering") owner.inbox.push(this, frame, size)
    else if (stage === "Closing") this.late(frame, size)
    else if (stage !== "Silent" && stage !== "Over") this.early.push(frame, size)
  }

  private late(frame: Frame, size: number): void {
    const { inbox } = this.owner
    if (this.refused) inbox.miss()
    else this.refused = !inbox.pushLate(this, frame, size)
  }

  ping(payload: Uint8Array): void {
    this.writer?.pongWritten()
    this.control("Ping", payload)
  }

  pong(payload: Uint8Array): void {
    if (this.isOver) return
    this.liveness?.pong(payload)
    this.control("Pong", payload)
  }

  private control(frame: "Ping" | "Pong", payload: Uint8Array): void {
    if (this.isOver) return
    const { epoch } = this
    const { reports } = this.owner
    this.heardAt = this.owner.wall()
    reports.emit(() => ({ _tag: "ControlReceived", epoch, frame }))
    reports.hook(epoch, `on${frame}`, payload, epoch)
    this.show({ _tag: frame, payload }, payload.length)
  }

  /** To a decoder that takes control frames, as if it were a data frame. A frame without a payload takes room too. */
  private show(control: Control, size: number): void {
    if (this.decoder.control === true) this.arrived(control as unknown as Frame, size + 2)
  }

  drained(): void {
    this.writer?.drained()
  }

  ended(error: ConnectionError.LinkError): void {
    this.gone = true
    if (error._tag === "ConnectionClosed") {
      const reason = Redacted.value(error.reason)
      this.show({ _tag: "Close", code: error.code, reason }, reason.length)
    }
    this.finish(error)
    this.waiting?.wake()
  }

  // --- its end ---------------------------------------------------------------

  /** Nothing of this session reaches the reader any more. */
  mute(): void {
    this.buffer = undefined
    this.enter("Over")
  }

  /** What still comes is not delivered, while its closing handshake goes on. */
  silence(): void {
    this.enter("Silent")
  }

  /** Ends it with a closing handshake, bounded; its end is not classified. */
  close(deadline: Duration.Duration): void {
    if (this.closing || this.isOver) return
    this.closing = true
    const { link, owner } = this
    if (link === undefined) return this.drop()
    this.program?.interruptUnsafe()
    if (this.stage !== "Silent") this.enter("Closing")
    // Behind our close frame nothing is written any more: it would be lost and look confirmed.
    owner.cut(this)
    link.close(owner.parting.code, owner.parting.reason)
    if (this.ending !== undefined) return
    this.closeDeadline = owner.timer(() => this.drop())
    this.closeDeadline.set(owner.mono() + Check.millis(deadline))
  }

  /** Ends it at once. */
  drop(): void {
    this.link?.terminate()
    this.finish(this.closedByUs())
  }

  /** The verdict that the link is dead: nothing is waited for. */
  dead(error: Failure): void {
    this.finish(error)
    this.link?.terminate()
  }

  finish(error: Failure): void {
    this.liveness?.stop()
    if (this.ending !== undefined) return
    const { epoch, owner } = this
    const { reports } = owner
    this.ending = error
    this.closeDeadline?.clear()
    // What has come in has come in: an acknowledgement of this turn counts, and so does what an overlap held back.
    if (this.stage === "Ready" || this.stage === "Delivering") owner.release(this)
    owner.inbox.flush()
    this.enter("Over")
    this.dialPhase()
    const unconfirmed = this.settle(error)
    this.waiting?.wake()
    this.program?.interruptUnsafe()
    if (error._tag === "ConnectionClosed") reports.emit(() => ({ _tag: "ControlReceived", epoch, frame: "Close" }))
    reports.hook(epoch, "onClose", error, epoch)
    if (!Ending.isOurs(error)) reports.hook(epoch, "onError", error, epoch)
    reports.emit(() => ({ _tag: "SessionEnded", epoch, error, unconfirmed, ...this.life(error) }))
    owner.ended(this, error)
    const { acquired } = this
    if (acquired === undefined) return this.left(error)
    owner.fork(
      Effect.andThen(
        Scope.close(acquired, Exit.void),
        Effect.sync(() => this.left(error))
      )
    )
  }

  /** How long it was open and heard nothing, and who ended it. */
  private life(error: Failure) {
    const { heardAt, link, owner, phaseSince } = this
    const lived = link === undefined ? 0 : owner.mono() - phaseSince
    // Clocks may jump; no session was quiet for longer than it lived.
    const quiet = Math.max(0, owner.wall() - Math.max(heardAt, owner.inbox.lastMessageAt ?? 0))
    return {
      lived: Duration.millis(lived),
      quietFor: Duration.millis(Math.min(lived, quiet)),
      by: Ending.endedBy(error)
    }
  }

  private left(error: Failure): void {
    this.releaseDial?.(error)
    this.releaseDial = undefined
    this.link?.terminate()
    this.gone = true
    this.waiting?.wake()
  }

  /** What becomes of what it wrote. */
  private settle(error: Failure) {
    const { writer } = this
    if (writer === undefined) return nothing
    const report = this.owner.outbox.detach(writer, { clean: this.gone && Ending.answersOurClose(error) })
    writer.end()
    return report
  }

  private closedByUs(): Failure {
    return closedByUs(this.connection, this.epoch, this.closing ? this.owner.parting.code : undefined)
  }

  // --- who waits for it ------------------------------------------------------

  private get waiters(): Waiting {
    return (this.waiting ??= new Waiting())
  }

  /** Waits until its socket is gone. */
  get hasLeft(): Effect.Effect<void> {
    return this.waiters.until(() => (this.gone ? Effect.void : undefined))
  }

  /** Fails with whatever ends it. */
  get death(): Effect.Effect<never, Failure> {
    return this.waiters.until(() => (this.ending === undefined ? undefined : Effect.fail(this.ending)))
  }
}
