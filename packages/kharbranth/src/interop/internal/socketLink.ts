/**
 * A `Link` on an Effect `Socket`. One fiber pulls frames and hands them on, one
 * writes what waits; whichever end comes first is the only one.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as ConnectionError from "../../ConnectionError.ts"
import { sizeOf } from "../../internal/model/frame.ts"
import type { Frame } from "../../Message.ts"
import type { Dial, Link, Receiver } from "../../Transport.ts"
import * as Failure from "./socketFailure.ts"

/** A socket, and what the platform shows of it beyond Effect's interface. */
export interface Plug {
  readonly socket: Socket.Socket
  protocol(): string
  /** Bytes that it accepted and that have not left the process. */
  buffered(): number
  destroy(): void
}

type Run = <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>

export const dial =
  (open: (dial: Dial) => Effect.Effect<Plug, Socket.SocketError | ConnectionError.DialError, Scope.Scope>) =>
  (dial: Dial, receiver: Receiver): Effect.Effect<Link, ConnectionError.DialError, Scope.Scope> =>
    Effect.gen(function* () {
      const run = Effect.runForkWith(yield* Effect.context<never>())
      const scope = yield* Scope.fork(yield* Effect.scope)
      return yield* Effect.gen(function* () {
        const plug = yield* open(dial)
        // Told before the reader, so that a dial that is given up destroys a socket that is still closing politely.
        yield* Effect.addFinalizer(() => Effect.sync(() => plug.destroy()))
        const { pull } = yield* plug.socket.reader
        const writer = yield* plug.socket.writer
        const link = new SocketLink(dial, receiver, plug, writer, run, Scope.close(scope, Exit.void))
        yield* Effect.addFinalizer(() => Effect.sync(() => link.leave()))
        yield* Effect.forkIn(link.read(pull), scope)
        return link
      }).pipe(
        Scope.provide(scope),
        Effect.mapError((error) =>
          Socket.isSocketError(error) ? Failure.dialError(dial, Failure.causeOf(error)) : error
        ),
        Effect.catchDefect((defect) => Effect.fail(Failure.dialError(dial, defect))),
        Effect.onError(() => Scope.close(scope, Exit.void))
      )
    })

class SocketLink implements Link {
  private readonly dial: Dial
  private readonly receiver: Receiver
  private readonly plug: Plug
  private readonly writer: Socket.Writer
  private readonly run: Run
  private readonly release: Effect.Effect<void>
  private queue: Array<Frame> = []
  /** Bytes that wait for the socket to take them. */
  private waiting = 0
  private frames = 0
  private over = false
  private condemned = false
  private writing = false
  private asked: { readonly code: number; readonly reason: string } | undefined
  private sentCode: number | undefined
  private held = false
  private wake: (() => void) | undefined
  private watcher: Fiber.Fiber<unknown> | undefined

  constructor(
    dial: Dial,
    receiver: Receiver,
    plug: Plug,
    writer: Socket.Writer,
    run: Run,
    release: Effect.Effect<void>
  ) {
    this.dial = dial
    this.receiver = receiver
    this.plug = plug
    this.writer = writer
    this.run = run
    this.release = release
  }

  get protocol(): string {
    return this.plug.protocol()
  }

  write(frames: ReadonlyArray<Frame>): void {
    if (this.over || this.condemned || this.asked !== undefined || frames.length === 0) return
    for (const frame of frames) {
      this.queue.push(frame)
      this.waiting += sizeOf(frame)
    }
    if (this.watcher === undefined && this.buffered() >= this.dial.writeMark.high) this.watcher = this.run(this.watch)
    this.pump()
  }

  ping(): void {}

  buffered(): number {
    return this.over ? 0 : this.waiting + this.plug.buffered()
  }

  received(): number {
    return this.frames
  }

  pause(): void {
    this.held = true
  }

  resume(): void {
    this.held = false
    this.wake?.()
  }

  close(code: number, reason: string): void {
    if (this.over || this.condemned || this.asked !== undefined) return
    this.asked = { code, reason: clip(reason) }
    this.pump()
  }

  terminate(): void {
    this.condemn(Failure.dropped(this.dial))
  }

  /** The scope closes. */
  leave(): void {
    this.end(Failure.dropped(this.dial))
  }

  /** Hands frames on until the socket is over. */
  read(pull: Socket.Reader["pull"]): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const frames = yield* pull
        for (const frame of frames) {
          if (this.held) yield* this.resumed
          this.deliver(frame)
        }
      }
    }).pipe(Effect.catch((error) => Effect.sync(() => this.end(Failure.linkError(this.dial, error, this.sentCode)))))
  }

  private readonly resumed = Effect.callback<void>((resume) => {
    if (!this.held) return resume(Effect.void)
    this.wake = () => resume(Effect.void)
  })

  private deliver(frame: Frame): void {
    if (this.over || this.condemned) return
    this.frames++
    const size = sizeOf(frame)
    const { connection, epoch, maxMessageSize: max } = this.dial
    if (size <= max) return this.receiver.frame(frame, size)
    this.run(Effect.ignore(this.writer.write(new Socket.CloseEvent(1009))))
    this.end(new ConnectionError.MessageTooLarge({ connection, epoch, size, max }))
  }

  private pump(): void {
    if (this.writing) return
    this.writing = true
    this.run(
      this.flush.pipe(
        Effect.catch((error) => Effect.sync(() => this.condemn(Failure.linkError(this.dial, error, this.sentCode)))),
        Effect.ensuring(Effect.sync(() => (this.writing = false)))
      )
    )
  }

  private readonly flush = Effect.gen({ self: this }, function* () {
    while (!this.over && !this.condemned) {
      const [first, ...rest] = this.queue
      if (first === undefined) break
      const bytes = this.waiting
      this.queue = []
      yield* this.writer.writeAll([first, ...rest])
      this.waiting -= bytes
      this.checkMark()
    }
    if (this.asked !== undefined && this.sentCode === undefined) yield* this.sayClose(this.asked)
  })

  // Some platforms let only 1000 and 3000–4999 pass.
  private sayClose(asked: { readonly code: number; readonly reason: string }): Effect.Effect<void, Socket.SocketError> {
    this.sentCode = asked.code
    return Effect.catch(this.writer.write(new Socket.CloseEvent(asked.code, asked.reason)), () => {
      this.sentCode = asked.code > 1000 && asked.code < 1016 ? 3000 + asked.code : 4000
      return this.writer.write(new Socket.CloseEvent(this.sentCode, asked.reason))
    })
  }

  private readonly watch = Effect.forever(
    Effect.andThen(
      Effect.sleep("10 millis"),
      Effect.sync(() => this.checkMark())
    )
  )

  private checkMark(): void {
    if (this.watcher === undefined || this.over || this.buffered() > this.dial.writeMark.low) return
    this.unwatch()
    this.receiver.drained()
  }

  private unwatch(): void {
    const { watcher } = this
    this.watcher = undefined
    watcher?.interruptUnsafe()
  }

  /** The verdict is told a microtask later, so that it never arrives inside the call that caused it. */
  private condemn(error: ConnectionError.LinkError): void {
    if (this.over || this.condemned) return
    this.condemned = true
    queueMicrotask(() => this.end(error))
  }

  private end(error: ConnectionError.LinkError): void {
    if (this.over) return
    this.over = true
    this.queue = []
    this.unwatch()
    this.receiver.ended(error)
    // A message that was too large leaves its close frame behind; everything else goes at once.
    if (error._tag !== "MessageTooLarge") this.plug.destroy()
    this.run(this.release)
  }
}

/** Close reasons longer than the protocol's 123 bytes are cut at a character. */
const clip = (reason: string): string =>
  reason.substring(0, new TextEncoder().encodeInto(reason, new Uint8Array(123)).read)
