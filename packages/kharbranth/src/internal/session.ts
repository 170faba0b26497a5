/**
 * One socket's life: resolve, dial, open, deliver, end. A session reports each
 * gate and, exactly once, its end; after that every late callback is ignored.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Decoder } from "../Codec.ts"
import * as ConnectionError from "../ConnectionError.ts"
import type { ConnectionEvent } from "../ConnectionEvent.ts"
import type { Gate } from "../ConnectionState.ts"
import type { Frame } from "../Message.ts"
import type { Link, Receiver } from "../Transport.ts"
import type { Host } from "./host.ts"
import type { Lane, Source } from "./inbox.ts"
import type { Command } from "./lifecycleTypes.ts"
import { type Opener, Opening } from "./opening.ts"
import { nothing } from "./outboxLedger.ts"
import { type Probe, Writer } from "./outboxWriter.ts"
import type { Patient } from "./patient.ts"
import { Pulse } from "./pulse.ts"
import * as Errors from "./sessionErrors.ts"
import { life } from "./sessionLife.ts"
import type { Timer } from "./timers.ts"
import { Waiters } from "./waiters.ts"

export type DialCommand = Extract<Command, { readonly _tag: "Dial" }>

type Failure = ConnectionError.ConnectionError

/** A session is its link's receiver, its inbox's source and lane, and its pulse's patient. */
export class Session<In, Out> implements Receiver, Source, Lane<In>, Opener<In>, Patient {
  readonly epoch: number
  readonly dial: DialCommand
  readonly decoder: Decoder<In>
  readonly scope = Scope.makeUnsafe()
  gate: Gate = "Dialing"
  link: Link | undefined
  writer: Writer | undefined
  expiresAt: number | undefined
  over = false
  /** When it ended, for a Gap's `from`. */
  endedAt: number | undefined
  dataFrames = 0
  /** Told of everything that arrives, while somebody doubts or timers are slow. */
  private heard: (() => void) | undefined
  private readonly host: Host<In, Out>
  /** What came before it was released; made when something comes. */
  private early: Opening<In> | undefined
  private pulse: Pulse | undefined
  private program: Fiber.Fiber<void> | undefined
  private filtered = false
  private live = false
  private muted = false
  private attached = false
  closing = false
  /** The reader had no room for what came while it closed. */
  private shut = false
  private finished = false
  private gone = false
  /** How long a closing handshake may take. */
  private patience: Timer | undefined
  private endings: Waiters<Failure> | undefined
  private leavings: Waiters<void> | undefined

  constructor(host: Host<In, Out>, dial: DialCommand) {
    this.host = host
    this.dial = dial
    this.epoch = dial.epoch
    this.decoder = host.codec.decoder()
  }

  start(): void {
    const program = this.host.fork(
      Effect.map(Effect.exit(life(this.host, this)), (exit) => {
        this.program = undefined
        if (Exit.isFailure(exit)) this.finish(Errors.failureOf(this, exit.cause))
      })
    )
    if (program.pollUnsafe() === undefined) this.program = program
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

  ping(payload: Uint8Array): void {
    this.control("Ping", payload)
  }

  pong(payload: Uint8Array): void {
    if (this.over) return
    this.heard?.()
    this.pulse?.pong(payload)
    this.control("Pong", payload)
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
    inbox.attach(this)
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
    this.letGo()
  }

  /** Ends it with a closing handshake, bounded; its end is not classified. */
  close(deadline: Duration.Duration): void {
    if (this.closing || this.over) return
    this.closing = true
    const { link } = this
    if (link === undefined) return this.drop()
    this.program?.interruptUnsafe()
    this.letGo()
    this.live = false
    // Behind our close frame nothing is written any more: it would be lost and look confirmed.
    this.host.cut(this)
    link.close(1000, "")
    if (this.finished) return
    this.patience = this.host.timer(() => this.drop())
    this.patience.set(this.host.now() + Duration.toMillis(deadline))
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

  /** Whether it could be asked. */
  suspect(reason: string, deadline?: number): boolean {
    return this.pulse?.suspect(reason, deadline) ?? false
  }

  /** Tells of everything that arrives from now on. */
  listen(heard: () => void): void {
    this.heard = heard
    this.filtered = true
  }

  rtt(answer: (rtt: number | undefined) => void): void {
    if (this.pulse === undefined) answer(undefined)
    else this.pulse.ping(answer)
  }

  recheck(now: number): void {
    this.pulse?.recheck(now)
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

  claim(messages: ReadonlyArray<In>): ReadonlyArray<In> {
    return this.host.inbox.claim(messages, this.epoch)
  }

  overrun(bytes: number): void {
    if (this.gate === "Ready" || this.gate === "Stable") this.host.release(this)
    else this.dead(Errors.overrun(this, bytes, this.openBuffer))
  }

  undecodable(issue: string, cause: unknown): void {
    const { connection, codec } = this.host
    if (codec.onDecodeError === "skip") return this.host.dropped("undecodable", 1)
    const { epoch } = this
    this.host.fail(new ConnectionError.DecodeError({ connection, epoch, issue, cause: ConnectionError.foreign(cause) }))
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
    this.host.hook("onOpen", (hooks) => hooks.onOpen?.(epoch))
  }

  // --- as the inbox's source -------------------------------------------------

  get canPause(): boolean {
    return this.host.transport.capabilities.pause
  }

  pause(): void {
    this.link?.pause()
  }

  resume(): void {
    this.link?.resume()
  }

  private letGo(): void {
    if (!this.attached) return
    this.attached = false
    this.host.inbox.detach(this)
    this.link?.resume()
  }

  // --- as the pulse's patient ------------------------------------------------

  get connection(): string {
    return this.host.connection
  }

  get canPing(): boolean {
    return this.host.transport.capabilities.ping
  }

  get held(): boolean {
    return this.live && this.host.inbox.holding()
  }

  get pace(): number {
    return this.host.attention?.pace ?? 1
  }

  now(): number {
    return this.host.now()
  }

  wall(): number {
    return this.host.wall()
  }

  timer(fire: (now: number) => void): Timer {
    return this.host.timer(fire)
  }

  fork(effect: Effect.Effect<void>): Fiber.Fiber<void> {
    return this.host.fork(effect)
  }

  emit(event: () => ConnectionEvent): void {
    this.host.emit(event)
  }

  write(probe: Probe, written: (seq: number) => void): void {
    this.writer?.probe(probe, written)
  }

  answered(seq: number, rtt: number): void {
    this.host.figures.rtt(rtt)
    if (this.writer !== undefined) this.host.outbox.ponged(this.writer, seq)
  }

  dataLost(): void {
    this.host.dataLost(this)
  }

  /** The verdict that the link is dead: nothing is waited for. */
  dead(error: Failure): void {
    this.finish(error)
    this.link?.terminate()
  }

  // --- its end ---------------------------------------------------------------

  finish(error: Failure): void {
    this.pulse?.stop()
    if (this.finished) return
    this.finished = true
    this.patience?.clear()
    // What has come in has come in: an acknowledgement of this turn counts, and so does what an overlap held back.
    if (this.gate === "Ready" || this.gate === "Stable") this.host.release(this)
    this.host.inbox.flush()
    this.over = true
    this.live = false
    this.endedAt = this.host.wall()
    this.letGo()
    const unconfirmed = this.settle(error)
    this.endings?.tell(error)
    this.program?.interruptUnsafe()
    const { epoch } = this
    if (error._tag === "ConnectionClosed") this.emit(() => ({ _tag: "ControlReceived", epoch, frame: "Close" }))
    this.host.hook("onClose", (hooks) => hooks.onClose?.(error, epoch))
    this.host.hook("onError", (hooks) => hooks.onError?.(error, epoch))
    this.emit(() => ({ _tag: "SessionEnded", epoch, error, unconfirmed }))
    this.host.ended(this, error)
    this.host.fork(
      Effect.andThen(
        Scope.close(this.scope, Exit.void),
        Effect.sync(() => {
          this.gone = true
          this.leavings?.tell()
        })
      )
    )
  }

  /** What becomes of what it wrote. */
  private settle(error: Failure) {
    const { writer } = this
    if (writer === undefined) return nothing
    const report = this.host.outbox.detach(writer, { clean: this.gone && Errors.answersOurClose(error) })
    writer.end()
    return report
  }

  private filter(frame: Frame): boolean {
    this.heard?.()
    if (this.pulse?.intercepts === true && this.pulse.intercept(frame)) return true
    const { epoch } = this
    if (typeof frame === "string") this.host.hook("onText", (hooks) => hooks.onText?.(frame, epoch))
    else this.host.hook("onBinary", (hooks) => hooks.onBinary?.(frame, epoch))
    return false
  }

  private control(frame: "Ping" | "Pong", payload: Uint8Array): void {
    if (this.over) return
    const { epoch } = this
    this.emit(() => ({ _tag: "ControlReceived", epoch, frame }))
    if (frame === "Ping") this.host.hook("onPing", (hooks) => hooks.onPing?.(payload, epoch))
    else this.host.hook("onPong", (hooks) => hooks.onPong?.(payload, epoch))
  }
}
