/**
 * One socket's life: resolve, dial, open, deliver, end. A session reports each
 * gate and, exactly once, its end; after that every late callback is ignored.
 */
import type * as Duration from "effect/Duration"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Decoder } from "../../Codec.ts"
import type * as ConnectionError from "../../ConnectionError.ts"
import type { Gate } from "../../ConnectionState.ts"
import type { Frame } from "../../Message.ts"
import type { Link, Receiver } from "../../Transport.ts"
import type { Host } from "./host.ts"
import type { Lane } from "../inbox/inbox.ts"
import type { Command } from "../lifecycle/model.ts"
import { type Opener, Opening } from "./openBuffer.ts"
import * as Check from "../model/check.ts"
import { nothing } from "../outbox/keeping.ts"
import { Writer } from "../outbox/writer.ts"
import { Pulse } from "../heartbeat/pulse.ts"
import * as Errors from "./errors.ts"
import * as life from "./start.ts"
import { Watched } from "./watched.ts"
import type { Timer } from "../kit/timers.ts"
import { Waiters } from "../kit/waiters.ts"

export type DialCommand = Extract<Command, { readonly _tag: "Dial" }>

type Failure = ConnectionError.ConnectionError

/** A session is its link's receiver, its inbox's lane, and its pulse's patient. */
export class Session<In, Out> extends Watched<In, Out> implements Receiver, Lane<In>, Opener<In> {
  readonly dial: DialCommand
  readonly decoder: Decoder<In>
  broken = false
  gate: Gate = "Dialing"
  link: Link | undefined
  expiresAt: number | undefined
  /** When it ended, for a Gap's `from`. */
  endedAt: number | undefined
  /** What came before it was released; made when something comes. */
  private early: Opening<In> | undefined
  private program: Fiber.Fiber<void> | undefined
  private letGo: ((error: Failure) => void) | undefined
  /** What its programs have acquired. */
  private acquired: Scope.Closeable | undefined
  private muted = false
  private attached = false
  closing = false
  /** The reader had no room for what came while it closed. */
  private shut = false
  /** What ended it. */
  ending: Failure | undefined
  private gone = false
  /** How long a closing handshake may take. */
  private patience: Timer | undefined
  private endings: Waiters<Failure> | undefined
  private leavings: Waiters<void> | undefined

  constructor(host: Host<In, Out>, dial: DialCommand) {
    super(host, dial.epoch)
    this.dial = dial
    this.decoder = host.codec.decoder()
  }

  get scope(): Scope.Scope {
    return (this.acquired ??= Scope.makeUnsafe())
  }

  start(): void {
    const program = life.start(this.host, this)
    if (program !== undefined) this.run(program)
  }

  /** Runs what leads to Ready. */
  private run(opening: Effect.Effect<unknown, Failure>): void {
    const program = this.host.fork(
      Effect.map(Effect.exit(Effect.map(opening, (resumed) => this.isReady(resumed))), (exit) => {
        this.program = undefined
        if (Exit.isFailure(exit)) this.finish(Errors.failureOf(this, exit.cause))
      })
    )
    if (program.pollUnsafe() === undefined) this.program = program
  }

  /** Whatever it has of the transport, or asks of it, is let go of by this. */
  hold(letGo: (error: Failure) => void): void {
    if (this.ending === undefined) this.letGo = letGo
    else letGo(this.ending)
  }

  /** The transport answered the dial, outside of any fiber. */
  dialed(exit: Exit.Exit<Link, Failure>): void {
    if (this.over) this.finish(Errors.closedByUs(this))
    else if (Exit.isFailure(exit)) this.finish(Errors.failureOf(this, exit.cause))
    else this.linked(exit.value)
  }

  // What users' code throws is the session's end, and not the transport's trouble.
  private linked(link: Link): void {
    try {
      this.opened(link)
      const opening = life.opened(this.host, this)
      if (opening === undefined) this.isReady(undefined)
      else this.run(opening)
    } catch (defect) {
      this.finish(Errors.failureOf(this, Cause.die(defect)))
    }
  }

  private isReady(resumed: unknown): void {
    this.gate = "Ready"
    this.host.ready(this, resumed)
  }

  // --- what the link reports -------------------------------------------------

  frame(frame: Frame, size: number): void {
    if (this.over) return
    const { figures, inbox } = this.host
    figures.messagesIn++
    figures.bytesIn += size
    if (this.filtered && this.filter(frame)) return
    this.dataFrames++
    if (this.muted) return
    if (this.live) inbox.push(this, frame, size)
    else if (this.closing) this.late(frame, size)
    else this.opening.push(frame, size)
  }

  drained(): void {
    this.writer?.drained()
  }

  ended(error: ConnectionError.LinkError): void {
    this.gone = true
    this.finish(error)
    this.leavings?.tell()
  }

  // --- what the supervisor asks for ------------------------------------------

  /** Ready, and not held back by an overlap: what waits goes to the reader, and whatever follows. */
  release(messages?: ReadonlyArray<In>): void {
    if (this.live || this.over) return
    const { early, link } = this
    const { inbox } = this.host
    const delivered = messages ?? early?.messages() ?? []
    this.early = undefined
    if (delivered.length > 0) inbox.pushDecoded(this.epoch, delivered, early?.bytes ?? 0)
    this.live = true
    if (link === undefined) return
    this.attached = true
    inbox.attach(link)
  }

  /** Nothing of this session reaches the reader any more. */
  mute(): void {
    this.live = false
    this.over = true
  }

  /** What still comes is not delivered, while its closing handshake goes on. */
  silence(): void {
    this.live = false
    this.muted = true
    this.detach()
  }

  /** Ends it with a closing handshake, bounded; its end is not classified. */
  close(deadline: Duration.Duration): void {
    if (this.closing || this.over) return
    this.closing = true
    const { link } = this
    if (link === undefined) return this.drop()
    this.program?.interruptUnsafe()
    this.detach()
    this.live = false
    // Behind our close frame nothing is written any more: it would be lost and look confirmed.
    this.host.cut(this)
    link.close(1000, "")
    if (this.ending !== undefined) return
    this.patience = this.host.timer(() => this.drop())
    this.patience.set(this.host.now() + Check.millis(deadline))
  }

  private late(frame: Frame, size: number): void {
    const { inbox } = this.host
    if (this.shut) inbox.miss()
    else this.shut = !inbox.pushLate(this, frame, size)
  }

  /** Ends it at once. */
  drop(): void {
    this.link?.terminate()
    this.finish(Errors.closedByUs(this))
  }

  /** Waits until its socket is gone. */
  get hasLeft(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.gone ? Effect.void : (this.leavings ??= new Waiters<void>()).wait(() => Effect.void)
    )
  }

  /** Fails with whatever ends it. */
  get death(): Effect.Effect<never, Failure> {
    return Effect.suspend(() => (this.endings ??= new Waiters<Failure>()).wait((error) => Effect.fail(error)))
  }

  // --- its opening -----------------------------------------------------------

  /** What waits until it is released. */
  get opening(): Opening<In> {
    return (this.early ??= new Opening(this))
  }

  get openBuffer(): number {
    return this.host.openBuffer
  }

  decode(frame: Frame): ReadonlyArray<In> {
    return this.host.inbox.decode(this, frame)
  }

  claim(messages: ReadonlyArray<In>): ReadonlyArray<In> {
    return this.host.inbox.claim(messages, this.epoch)
  }

  overrun(bytes: number): void {
    if (this.gate === "Ready" || this.gate === "Stable") this.host.release(this)
    else this.dead(Errors.overrun(this, bytes, this.openBuffer))
  }

  opened(link: Link): void {
    const { connection, outboxHooks, policies, writeMark } = this.host
    const { epoch } = this
    this.link = link
    this.gate = "Open"
    this.writer = new Writer({ connection, epoch, link, mark: writeMark, meter: this.host.meter(), hooks: outboxHooks })
    const pulse = new Pulse(policies.heartbeat, this, link)
    this.pulse = pulse
    this.filtered = pulse.intercepts || this.host.hooks !== undefined || this.heard !== undefined
    pulse.start()
    this.host.opened(this)
    if (this.host.hooks !== undefined) this.host.hook("onOpen", epoch)
  }

  /** The inbox holds its link back no more. */
  private detach(): void {
    if (this.link === undefined || !this.attached) return
    this.attached = false
    this.host.inbox.detach(this.link)
  }

  // --- its end ---------------------------------------------------------------

  dataLost(): void {
    this.host.dataLost(this)
  }

  /** The verdict that the link is dead: nothing is waited for. */
  dead(error: Failure): void {
    this.finish(error)
    this.link?.terminate()
  }

  finish(error: Failure): void {
    this.pulse?.stop()
    if (this.ending !== undefined) return
    this.ending = error
    this.patience?.clear()
    // What has come in has come in: an acknowledgement of this turn counts, and so does what an overlap held back.
    if (this.gate === "Ready" || this.gate === "Stable") this.host.release(this)
    this.host.inbox.flush()
    this.over = true
    this.live = false
    this.endedAt = this.host.wall()
    this.detach()
    const unconfirmed = this.settle(error)
    this.endings?.tell(error)
    this.program?.interruptUnsafe()
    const { epoch } = this
    if (error._tag === "ConnectionClosed") this.emit(() => ({ _tag: "ControlReceived", epoch, frame: "Close" }))
    this.host.hook("onClose", error, epoch)
    this.host.hook("onError", error, epoch)
    this.emit(() => ({ _tag: "SessionEnded", epoch, error, unconfirmed }))
    this.host.ended(this, error)
    const { acquired } = this
    if (acquired === undefined) this.left(error)
    else
      this.host.fork(
        Effect.andThen(
          Scope.close(acquired, Exit.void),
          Effect.sync(() => this.left(error))
        )
      )
  }

  private left(error: Failure): void {
    this.letGo?.(error)
    this.letGo = undefined
    this.gone = true
    this.leavings?.tell()
  }

  /** What becomes of what it wrote. */
  private settle(error: Failure) {
    const { writer } = this
    if (writer === undefined) return nothing
    const report = this.host.outbox.detach(writer, { clean: this.gone && Errors.answersOurClose(error) })
    writer.end()
    return report
  }
}
