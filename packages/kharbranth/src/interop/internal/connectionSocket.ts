/**
 * A connection as an Effect `Socket`: each session is one acquisition of its
 * reader. The session's end fails the reader, once everything that came by it
 * has been pulled; the next acquisition waits for the next session.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import type { Connection } from "../../Connection.ts"
import { type ConnectionError, ReaderBusy } from "../../ConnectionError.ts"
import type { Entry } from "../../Inbox.ts"
import * as Message from "../../Message.ts"
import * as Failure from "./socketFailure.ts"

/** A connection that carries frames. */
export type Line = Pick<
  Connection<Message.Input, Message.Frame>,
  "name" | "entries" | "tap" | "send" | "state" | "awaitReady" | "restart" | "pause" | "resume"
>

type Frames = Arr.NonEmptyReadonlyArray<Message.Frame>
type Pull = Effect.Effect<ReadonlyArray<Entry<Message.Input>>, ConnectionError | Cause.Done>

/** One acquisition of the reader: the session that it reads. */
interface Reading {
  readonly epoch: number
  readonly over: Deferred.Deferred<never, Socket.SocketError>
}

class ConnectionSocket {
  private readonly line: Line
  private reading: Reading | undefined
  /** The last session that was given to a reader. */
  private used = 0
  /** What a reader took of the connection and belongs to the next. */
  private rest: ReadonlyArray<Entry<Message.Input>> = []
  private paused = false

  constructor(line: Line) {
    this.line = line
  }

  ended(epoch: number, error: ConnectionError): void {
    if (this.reading?.epoch === epoch) this.fail(this.reading, Failure.sessionError(error))
  }

  readonly reader: Socket.Socket["reader"] = Effect.gen({ self: this }, function* () {
    const pull: Pull = yield* Stream.toPull(this.line.entries)
    yield* Effect.mapError(this.fresh, Failure.openError)
    const reading = yield* Effect.acquireRelease(Effect.mapError(this.nextSession, Failure.openError), (reading) =>
      Effect.sync(() => {
        this.fail(reading, Failure.closed(1006))
        if (this.reading === reading) this.reading = undefined
      })
    )
    return { pull: this.next(reading, pull), upgrade: Socket.SocketUpgradeError.unsupported }
  })

  readonly write = (chunk: Message.Frame | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> => {
    if (Socket.isCloseEvent(chunk)) return this.leave
    // A socket's writes wait as long as it takes; who stops waiting withdraws.
    return Effect.mapError(this.line.send(chunk, { whenDown: "hold", ttl: Duration.infinity }), Failure.writeError)
  }

  readonly writeAll = (chunks: Frames): Effect.Effect<void, Socket.SocketError> =>
    Effect.forEach(chunks, this.write, { discard: true })

  private readonly leave = Effect.suspend(() => {
    this.paused = true
    return this.line.pause
  })

  // A reader that leaves a session and comes back wants another socket, as it would get by dialing.
  private readonly fresh = Effect.suspend((): Effect.Effect<void, ConnectionError> => {
    if (this.reading !== undefined) return Effect.fail(new ReaderBusy({ connection: this.line.name }))
    if (this.paused) {
      this.paused = false
      return this.line.resume
    }
    const state = this.line.state.getUnsafe()
    const again = state._tag === "Connected" && state.epoch === this.used
    return again ? this.line.restart({ reason: "the reader of its socket came back" }) : Effect.void
  })

  private readonly nextSession: Effect.Effect<Reading, ConnectionError> = Effect.suspend(() =>
    Effect.andThen(
      this.line.awaitReady,
      Effect.suspend(() => {
        const state = this.line.state.getUnsafe()
        if (state._tag !== "Connected") return this.nextSession
        const reading: Reading = { epoch: state.epoch, over: Deferred.makeUnsafe() }
        this.used = state.epoch
        this.reading = reading
        return Effect.succeed(reading)
      })
    )
  )

  private next(reading: Reading, pull: Pull): Effect.Effect<Frames, Socket.SocketError> {
    const over = Deferred.await(reading.over)
    // What had come before the end is taken without waiting; only then the end is told.
    const leftovers = Effect.raceFirst(Effect.result(pull), Effect.as(Effect.yieldNow, undefined))
    const settle: Effect.Effect<ReadonlyArray<Entry<Message.Input>>, Socket.SocketError> = Effect.flatMap(
      leftovers,
      (taken) => (taken !== undefined && Result.isSuccess(taken) ? Effect.succeed(taken.success) : over)
    )
    const wait = Effect.suspend(() =>
      Deferred.isDoneUnsafe(reading.over)
        ? settle
        : Effect.raceFirst(
            Effect.mapError(pull, endOf),
            Effect.catch(over, () => settle)
          )
    )
    const batch: Effect.Effect<Frames, Socket.SocketError> = Effect.suspend(() => {
      const entries = this.rest
      this.rest = []
      const frames = this.framesOf(reading, entries)
      if (frames.length > 0) return Effect.succeed(frames as unknown as Frames)
      if (this.rest.length > 0) return over
      return Effect.flatMap(wait, (taken) => {
        this.rest = taken
        return batch
      })
    })
    return batch
  }

  /** The frames of this session; what belongs to a later one is put back. */
  private framesOf(reading: Reading, entries: ReadonlyArray<Entry<Message.Input>>): ReadonlyArray<Message.Frame> {
    const frames: Array<Message.Frame> = []
    for (const [index, entry] of entries.entries()) {
      if (entry._tag === "Lagged") continue
      if (entry.epoch > reading.epoch) {
        this.rest = entries.slice(index)
        this.fail(reading, Failure.closed(1006))
        break
      }
      if (entry._tag === "Message" && entry.epoch === reading.epoch) frames.push(Message.toFrame(entry.message))
    }
    return frames
  }

  private fail(reading: Reading, error: Socket.SocketError): void {
    Deferred.doneUnsafe(reading.over, Effect.fail(error))
  }
}

const endOf = (error: ConnectionError | Cause.Done): Socket.SocketError =>
  Cause.isDone(error) ? Failure.closed(1000) : Failure.sessionError(error)

export const make = (line: Line): Effect.Effect<Socket.Socket, never, Scope.Scope> =>
  Effect.gen(function* () {
    const self = new ConnectionSocket(line)
    yield* line.tap({ claim: () => false, ended: (epoch, error) => self.ended(epoch, error) })
    return Socket.make({
      reader: self.reader,
      writer: Effect.succeed({ write: self.write, writeAll: self.writeAll })
    })
  })
