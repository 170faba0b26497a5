/**
 * The server's half of a socket as a script sees it: effects that end with
 * `Cause.Done` once the socket is over.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { isFrame } from "../../internal/model/frame.ts"
import type { Frame } from "../../Message.ts"
import type { Handlers, Peer, PeerEnd, Request } from "../TestServer.ts"
import * as Pipe from "./pipe.ts"
import type { Socket } from "./socket.ts"
import type { ServerHalf } from "./surroundings.ts"

const done = Effect.fail(Cause.Done())
const none: Handlers = {}
const noBytes = new Uint8Array(0)

type Waiter = () => void

/** Makes the peer of a socket and connects the two. `onEnd` is called once. */
export const make = (socket: Socket, request: Request, onEnd: (end: PeerEnd) => void): Peer => {
  const ended = Deferred.makeUnsafe<PeerEnd>()
  const arrived: Array<Frame> = []
  let readers: Array<Waiter> = []
  let writers: Array<Waiter> = []
  let handlers = none
  let over = false

  const wake = (waiters: Array<Waiter>) => {
    for (const waiter of waiters) waiter()
  }
  const wakeReaders = () => {
    const waiting = readers
    readers = []
    wake(waiting)
  }
  const wakeWriters = () => {
    const waiting = writers
    writers = []
    wake(waiting)
  }

  const half: ServerHalf = {
    frame: (frame) => {
      if (handlers.frame !== undefined) return handlers.frame(frame)
      arrived.push(frame)
      if (readers.length > 0) wakeReaders()
    },
    ping: (payload) => handlers.ping?.(payload),
    pong: (payload) => handlers.pong?.(payload),
    close: (code, reason) => handlers.close?.(code, reason),
    departed: () => {
      if (writers.length > 0 && socket.down.buffered() === 0) wakeWriters()
    },
    ended: (end) => {
      over = true
      onEnd(end)
      handlers.ended?.(end)
      Deferred.doneUnsafe(ended, Effect.succeed(end))
      wakeReaders()
      wakeWriters()
    }
  }
  socket.server = half

  const waitIn = (get: () => Array<Waiter>, set: (waiters: Array<Waiter>) => void) =>
    Effect.callback<void>((resume) => {
      const waiter = () => resume(Effect.void)
      get().push(waiter)
      return Effect.sync(() => set(get().filter((other) => other !== waiter)))
    })
  const reading = waitIn(
    () => readers,
    (next) => {
      readers = next
    }
  )
  const writing = waitIn(
    () => writers,
    (next) => {
      writers = next
    }
  )

  const receiveAll: Effect.Effect<[Frame, ...Array<Frame>], Cause.Done> = Effect.suspend(() => {
    const [first, ...rest] = arrived.splice(0)
    if (first !== undefined) return Effect.succeed([first, ...rest])
    return over ? done : Effect.andThen(reading, receiveAll)
  })
  const receive: Effect.Effect<Frame, Cause.Done> = Effect.suspend(() => {
    const first = arrived.shift()
    if (first !== undefined) return Effect.succeed(first)
    return over ? done : Effect.andThen(reading, receive)
  })
  const flushed: Effect.Effect<void, Cause.Done> = Effect.suspend(() => {
    if (over) return done
    return socket.down.buffered() === 0 ? Effect.void : Effect.andThen(writing, flushed)
  })

  const sendUnsafe = (frames: ReadonlyArray<Frame>) => socket.serverSend(frames)

  return {
    id: request.id,
    request,
    protocol: socket.protocol,
    receive,
    frames: Stream.fromPull(Effect.succeed(receiveAll)),
    send: (frames) => Effect.suspend(() => (sendUnsafe(isFrame(frames) ? [frames] : frames) ? flushed : done)),
    sendUnsafe,
    begin: (frame) =>
      Effect.sync(() => {
        const rest = socket.serverBegin(frame)
        return Effect.sync(rest)
      }),
    ping: (payload = noBytes) => Effect.sync(() => socket.serverPing(payload)),
    close: (code = 1000, reason = "") => Effect.sync(() => socket.serverClose(code, reason)),
    reset: Effect.sync(() => socket.serverReset()),
    cutAfter: (frames) => Effect.sync(() => socket.cutAfter(frames)),
    pause: Effect.sync(() => socket.up.hold(Pipe.paused, true)),
    resume: Effect.sync(() => socket.up.hold(Pipe.paused, false)),
    listen: (next) =>
      Effect.sync(() => {
        handlers = next
        if (next.frame !== undefined) for (const frame of arrived.splice(0)) next.frame(frame)
      }),
    ended: Deferred.await(ended)
  }
}
