/**
 * One socket's life: resolve, dial, open, deliver, end. A session reports each
 * gate and, exactly once, its end; after that every late callback is ignored.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as ConnectionError from "../ConnectionError.ts"
import type { Gate } from "../ConnectionState.ts"
import type { Frame } from "../Message.ts"
import type { Link, Receiver } from "../Transport.ts"
import type { Host } from "./host.ts"
import type { Lane, Source } from "./inbox.ts"
import type { Command } from "./lifecycleTypes.ts"
import { Opening } from "./opening.ts"
import { openProgram } from "./openProgram.ts"
import { Writer } from "./outboxWriter.ts"
import { Pulse } from "./pulse.ts"

export type DialCommand = Extract<Command, { readonly _tag: "Dial" }>

export class Session<In, Out> implements Receiver {
  readonly epoch: number
  readonly dial: DialCommand
  readonly opening: Opening<In>
  gate: Gate = "Dialing"
  link: Link | undefined
  writer: Writer | undefined
  expiresAt: number | undefined
  over = false
  /** When its last data arrived, for a Gap's `from`. */
  endedAt: number | undefined
  dataFrames = 0
  private readonly host: Host<In, Out>
  private readonly scope = Scope.makeUnsafe()
  private readonly lane: Lane<In>
  private source: Source | undefined
  private pulse: Pulse | undefined
  private program: Fiber.Fiber<void> | undefined
  private filtered = false
  private live = false
  private muted = false
  private closing = false
  private endings: Array<(error: ConnectionError.ConnectionError) => void> = []
  private leavings: Array<() => void> = []
  private gone = false

  constructor(host: Host<In, Out>, dial: DialCommand) {
    this.host = host
    this.dial = dial
    this.epoch = dial.epoch
    const decoder = host.codec.decoder()
    this.lane = { epoch: dial.epoch, decoder }
    this.opening = new Opening({
      decoder,
      limit: host.openBuffer,
      claim: (messages) => host.inbox.claim(messages, this.epoch),
      overrun: (bytes) => this.overrun(bytes),
      undecodable: (issue, cause) => this.undecodable(issue, cause)
    })
  }

  start(): void {
    this.program = this.host.fork(
      this.life.pipe(
        Effect.exit,
        Effect.map((exit) => {
          this.program = undefined
          if (Exit.isFailure(exit)) this.finish(this.failureOf(exit.cause))
        })
      )
    )
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
    if (this.live) inbox.push(this.lane, frame, size)
    else this.opening.push(frame, size)
  }

  ping(payload: Uint8Array): void {
    this.control("Ping", payload)
  }

  pong(payload: Uint8Array): void {
    if (this.over) return
    this.pulse?.pong(payload)
    this.control("Pong", payload)
  }

  drained(): void {
    this.writer?.drained()
  }

  ended(error: ConnectionError.LinkError): void {
    this.gone = true
    this.finish(error)
    this.left()
  }

  // --- what the supervisor asks for ------------------------------------------

  /** Ready, and not held back by an overlap: what waits goes to the reader, and whatever follows. */
  release(messages?: ReadonlyArray<In>): void {
    if (this.live || this.over) return
    const { link } = this
    const { inbox, transport } = this.host
    const waiting = this.opening.release()
    const delivered = messages ?? waiting.messages
    if (delivered.length > 0) inbox.pushDecoded(this.epoch, delivered, waiting.bytes)
    this.live = true
    if (link === undefined) return
    this.source = { canPause: transport.capabilities.pause, pause: () => link.pause(), resume: () => link.resume() }
    inbox.attach(this.source)
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
    this.hold(false)
  }

  /** Ends it with a closing handshake, bounded; its end is not classified. */
  close(deadline: Duration.Duration): void {
    if (this.closing || this.over) return
    this.closing = true
    const { link } = this
    if (link === undefined) return this.drop()
    this.program?.interruptUnsafe()
    this.hold(false)
    // Behind our close frame nothing is written any more: it would be lost and look confirmed.
    this.host.cut(this)
    link.close(1000, "")
    this.host.fork(
      this.hasLeft.pipe(
        Effect.timeoutOrElse({ duration: deadline, orElse: () => Effect.sync(() => link.terminate()) }),
        Effect.andThen(Effect.sync(() => this.finish(this.closedByUs())))
      )
    )
  }

  /** Ends it at once. */
  drop(): void {
    this.link?.terminate()
    this.finish(this.closedByUs())
  }

  probe(reason: string, deadline?: number): void {
    this.pulse?.suspect(reason, deadline)
  }

  rtt(answer: (rtt: number | undefined) => void): void {
    if (this.pulse === undefined) answer(undefined)
    else this.pulse.ping(answer)
  }

  recheck(now: number): void {
    this.pulse?.recheck(now)
  }

  get held(): boolean {
    return this.live && this.host.inbox.holding()
  }

  /** Waits until its socket is gone. */
  readonly hasLeft: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.gone) return resume(Effect.void)
    const leave = () => resume(Effect.void)
    this.leavings.push(leave)
    return Effect.sync(() => {
      this.leavings = this.leavings.filter((other) => other !== leave)
    })
  })

  /** Fails with whatever ends it. */
  readonly death: Effect.Effect<never, ConnectionError.ConnectionError> = Effect.callback((resume) => {
    const end = (error: ConnectionError.ConnectionError) => resume(Effect.fail(error))
    this.endings.push(end)
    return Effect.sync(() => {
      this.endings = this.endings.filter((other) => other !== end)
    })
  })

  // --- its life --------------------------------------------------------------

  private readonly life: Effect.Effect<void, ConnectionError.ConnectionError> = Effect.suspend(() => {
    const { host } = this
    return Effect.gen({ self: this }, function* () {
      const attributes = { connection: host.connection, epoch: this.epoch, attempt: this.dial.attempt }
      yield* Scope.provide(Effect.makeSpanScoped("kharbranth.session", { attributes }), this.scope)
      yield* host.settled(this)
      const link = yield* this.permitted(this.reach())
      if (this.over) return yield* Effect.interrupt
      this.opened(link)
      const resumed = yield* openProgram(host, this, this.scope)
      this.gate = "Ready"
      host.ready(this, resumed)
    })
  })

  private permitted<A>(reach: Effect.Effect<A, ConnectionError.ConnectionError>) {
    const { connection, permit } = this.host
    if (permit === undefined) return reach
    const { attempt, cause, epoch } = this.dial
    return Effect.scoped(Effect.andThen(permit({ connection, epoch, attempt, cause }), reach))
  }

  private reach(): Effect.Effect<Link, ConnectionError.ConnectionError> {
    const { connection, limits, recipe, transport } = this.host
    const { attempt, cause, endpoint, epoch, refresh } = this.dial
    const after = limits().dialTimeout
    return recipe()
      .resolve(connection, { attempt, refresh, cause, endpoint })
      .pipe(
        Effect.flatMap((target) => {
          this.expiresAt = target.expiresAt
          const { headers, subprotocols, url } = target
          const { maxMessageSize, writeMark } = this.host
          const mark = { high: writeMark, low: Math.floor(writeMark / 4) }
          return transport.dial(
            { connection, epoch, url, subprotocols, headers, maxMessageSize, writeMark: mark },
            this
          )
        }),
        Scope.provide(this.scope),
        Effect.timeoutOrElse({
          duration: after,
          orElse: () => Effect.fail(new ConnectionError.DialTimeout({ connection, after }))
        })
      )
  }

  private opened(link: Link): void {
    const { connection, figures, fork, heartbeat, meter, now, outbox, outboxHooks, transport, wall, writeMark } =
      this.host
    const { epoch } = this
    this.link = link
    this.gate = "Open"
    const writer = new Writer({ connection, epoch, link, mark: writeMark, meter: meter(), hooks: outboxHooks })
    this.writer = writer
    const pulse = new Pulse(heartbeat(), {
      connection,
      epoch,
      link,
      canPing: transport.capabilities.ping,
      fork,
      now,
      wall,
      write: (probe, written) => writer.probe(probe, written),
      held: () => this.held,
      dataCount: () => this.dataFrames,
      answered: (seq, rtt) => {
        figures.rtt(rtt)
        outbox.ponged(writer, seq)
      },
      dead: (error) => this.die(error),
      dataLost: () => this.host.dataLost(this),
      emit: this.host.emit
    })
    this.pulse = pulse
    this.filtered = pulse.intercepts || this.host.hooks !== undefined
    pulse.start()
    this.host.opened(this)
    this.host.hook("onOpen", (hooks) => hooks.onOpen?.(epoch))
  }

  /** The verdict that the link is dead: nothing is waited for. */
  private die(error: ConnectionError.ConnectionError): void {
    this.finish(error)
    this.link?.terminate()
  }

  private finish(error: ConnectionError.ConnectionError): void {
    if (this.gate !== "Dialing" || this.link !== undefined) this.pulse?.stop()
    if (this.finished) return
    this.finished = true
    // What has come in has come in: an acknowledgement of this turn counts, and so does what an overlap held back.
    if (this.gate === "Ready" || this.gate === "Stable") this.host.release(this)
    this.host.inbox.flush()
    this.over = true
    this.live = false
    this.endedAt = this.host.wall()
    this.hold(false)
    const { writer } = this
    const clean = this.gone && answersOurClose(error)
    const unconfirmed = writer === undefined ? none : this.host.outbox.detach(writer, { clean })
    writer?.end()
    for (const end of this.endings.splice(0)) end(error)
    this.program?.interruptUnsafe()
    const { epoch } = this
    if (error._tag === "ConnectionClosed") this.host.emit(() => ({ _tag: "ControlReceived", epoch, frame: "Close" }))
    this.host.hook("onClose", (hooks) => hooks.onClose?.(error, epoch))
    this.host.hook("onError", (hooks) => hooks.onError?.(error, epoch))
    this.host.emit(() => ({ _tag: "SessionEnded", epoch, error, unconfirmed }))
    this.host.ended(this, error)
    this.host.fork(
      Effect.andThen(
        Scope.close(this.scope, Exit.void),
        Effect.sync(() => {
          this.gone = true
          this.left()
        })
      )
    )
  }

  private finished = false

  private left(): void {
    for (const leave of this.leavings.splice(0)) leave()
  }

  private hold(attached: boolean): void {
    if (attached || this.source === undefined) return
    this.host.inbox.detach(this.source)
    this.source = undefined
    this.link?.resume()
  }

  private filter(frame: Frame): boolean {
    if (this.pulse?.intercepts === true && this.pulse.intercept(frame)) return true
    const { epoch } = this
    if (typeof frame === "string") this.host.hook("onText", (hooks) => hooks.onText?.(frame, epoch))
    else this.host.hook("onBinary", (hooks) => hooks.onBinary?.(frame, epoch))
    return false
  }

  private control(frame: "Ping" | "Pong", payload: Uint8Array): void {
    if (this.over) return
    const { epoch } = this
    this.host.emit(() => ({ _tag: "ControlReceived", epoch, frame }))
    if (frame === "Ping") this.host.hook("onPing", (hooks) => hooks.onPing?.(payload, epoch))
    else this.host.hook("onPong", (hooks) => hooks.onPong?.(payload, epoch))
  }

  private overrun(bytes: number): void {
    if (this.gate === "Ready" || this.gate === "Stable") return this.host.release(this)
    const { connection, openBuffer } = this.host
    const issue = `${bytes} bytes arrived before it was done (\`openBuffer\` is ${openBuffer})`
    this.die(new ConnectionError.OpenFailed({ connection, epoch: this.epoch, issue, cause: Redacted.make(undefined) }))
  }

  private undecodable(issue: string, cause: unknown): void {
    const { connection, codec } = this.host
    if (codec.onDecodeError === "skip") return this.host.dropped("undecodable", 1)
    const { epoch } = this
    this.host.fail(new ConnectionError.DecodeError({ connection, epoch, issue, cause: ConnectionError.foreign(cause) }))
  }

  closedByUs(): ConnectionError.ConnectionClosed {
    const { connection } = this.host
    return new ConnectionError.ConnectionClosed({
      connection,
      epoch: this.epoch,
      code: 1000,
      reason: Redacted.make(""),
      sentCode: 1000,
      initiator: "client"
    })
  }

  private failureOf(cause: Cause.Cause<ConnectionError.ConnectionError>): ConnectionError.ConnectionError {
    const failure = cause.reasons.find(Cause.isFailReason)
    if (failure !== undefined) return failure.error
    if (Cause.hasInterruptsOnly(cause)) return this.closedByUs()
    const { connection } = this.host
    return new ConnectionError.DialFailed({
      connection,
      kind: "unknown",
      endpoint: "its target",
      cause: ConnectionError.foreign(Cause.squash(cause))
    })
  }
}

/** A close of the peer's own that crosses ours shows nothing; only one that echoes our code is an answer. */
const answersOurClose = (error: ConnectionError.ConnectionError): boolean =>
  error._tag === "ConnectionClosed" && error.initiator === "client" && error.code === error.sentCode

const none = { count: 0, from: 0, to: 0 }

/** What a session's opening sees of it. */
export type Opened<In, Out> = Pick<
  Session<In, Out>,
  "epoch" | "link" | "writer" | "opening" | "death" | "over" | "gate"
>
