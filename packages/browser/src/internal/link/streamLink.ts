/**
 * A `Link` on `WebSocketStream`: reading is a pull, so not reading stops the
 * server, and a write settles when the platform has taken it, so nothing needs
 * to be polled. The platform's type library does not know the API yet; what is
 * used of it is declared here.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import * as Burst from "./burst.ts"
import * as CloseCode from "./closeCode.ts"
import type { Diagnosis } from "../../BrowserTransport.ts"
import { constructorError, explained, unsupported } from "./dialErrors.ts"
import * as LinkErrors from "./linkErrors.ts"
import { frameSize } from "./textSize.ts"

type Value = string | ArrayBuffer | Uint8Array

interface Opened {
  readonly readable: ReadableStream<Value>
  readonly writable: WritableStream<Frame>
  readonly protocol: string
}

interface SocketStream {
  readonly opened: Promise<Opened>
  readonly closed: Promise<{ readonly closeCode?: number; readonly reason?: string }>
  close(info?: { readonly closeCode?: number; readonly reason?: string }): void
}

type Constructor = new (
  url: string,
  options: { readonly protocols?: ReadonlyArray<string>; readonly signal: AbortSignal }
) => SocketStream

/** The platform's constructor, where it has one. */
export const constructor = (): Constructor | undefined => {
  const found: unknown = Reflect.get(globalThis, "WebSocketStream")
  return typeof found === "function" ? (found as Constructor) : undefined
}

export const dial =
  (make: Constructor, diagnosis: Diagnosis | undefined) =>
  (dial: Dial, receiver: Receiver): Effect.Effect<Link, ConnectionError.DialError, Scope.Scope> =>
    Effect.gen(function* () {
      const refusal = unsupported(dial)
      if (refusal !== undefined) return yield* refusal
      const abort = new AbortController()
      const socket = yield* Effect.acquireRelease(
        Effect.try({
          try: () => new make(dial.url, { protocols: dial.subprotocols, signal: abort.signal }),
          catch: (cause) => constructorError(dial, cause)
        }),
        (socket) => Effect.sync(() => discard(socket, abort))
      )
      return yield* Effect.acquireRelease(
        Effect.callback<LiveLink, { readonly cause: unknown }>((resume) => {
          socket.opened.then(
            (opened) => resume(Effect.sync(() => makeLink(socket, opened, dial, receiver))),
            (cause) => resume(Effect.fail({ cause }))
          )
        }),
        (link) => Effect.sync(link.destroy),
        { interruptible: true }
      ).pipe(
        Effect.onInterrupt(() => Effect.sync(() => discard(socket, abort))),
        Effect.catch(({ cause }) => Effect.flip(explained(dial, diagnosis, cause)))
      )
    })

/**
 * Before the socket is open only the signal ends it, afterwards only `close`.
 * Chromium's tab crashes when a dial that was aborted is closed, so only what
 * has opened is.
 */
const discard = (socket: SocketStream, abort: AbortController) => {
  socket.closed.catch(ignore)
  abort.abort()
  socket.opened.then(() => closeQuietly(socket), ignore)
}

const ignore = () => {}

interface LiveLink extends Link {
  readonly destroy: () => void
}

const makeLink = (socket: SocketStream, opened: Opened, dial: Dial, receiver: Receiver): LiveLink => {
  const reader = opened.readable.getReader()
  const writer = opened.writable.getWriter()
  let sentCode: number | undefined
  let over = false
  let verdict: ConnectionError.LinkError | undefined
  let paused = false
  let reading = false
  let readable = true
  let finish: (() => void) | undefined
  let received = 0
  let buffered = 0
  let overMark = false

  const live = () => verdict === undefined && !over

  const end = (error: ConnectionError.LinkError) => {
    // What still waits may bring a verdict of its own, or end the link by its receiver.
    burst.end()
    while (held.length > 0) deliver(held.shift()!)
    if (over) return
    over = true
    receiver.ended(verdict ?? error)
  }

  const destroy = (error: ConnectionError.LinkError, code?: number) => {
    if (!live()) return
    verdict = error
    // The code first: cancelling the reader closes as well, and without one.
    closeQuietly(socket, code)
    reader.cancel().catch(ignore)
    writer.abort().catch(ignore)
    queueMicrotask(() => end(error))
  }

  /** Gives the size of the message. */
  const deliver = (value: Value): number => {
    const frame = value instanceof ArrayBuffer ? new Uint8Array(value) : value
    const size = frameSize(frame)
    if (size <= dial.maxMessageSize) receiver.frame(frame, size)
    else {
      destroy(LinkErrors.tooLarge(dial, size), 1009)
      // What came after it is not told.
      held.length = 0
      burst.end()
    }
    return size
  }

  /** What came while paused, in front of what waits in `burst`: the receiver of a message may pause. */
  const held: Array<Value> = []
  const burst = Burst.make((value: Value): number => {
    if (!paused) return deliver(value)
    held.push(value)
    return 0
  }, Burst.post())

  /** One read at a time, and none while paused: what the last one gives waits then. */
  const pump = () => {
    if (reading || paused || !live()) return
    reading = true
    reader.read().then(onRead, endOfReading)
  }
  const onRead = (result: ReadableStreamReadResult<Value>) => {
    reading = false
    if (!live()) return
    if (result.done) return endOfReading()
    received++
    burst.add(result.value)
    pump()
  }
  const endOfReading = () => {
    readable = false
    finish?.()
  }

  /** The socket's end is told after the last frame that came before it. */
  const ended = (error: ConnectionError.LinkError) => {
    finish = () => end(error)
    if (!readable) finish()
    else link.resume()
  }
  socket.closed.then(
    (info) => ended(LinkErrors.closed(dial, sentCode, { code: info.closeCode ?? 1005, reason: info.reason ?? "" })),
    (cause) => ended(LinkErrors.dropped(dial, cause))
  )

  const written = (size: number) => {
    buffered -= size
    if (!live() || !overMark || buffered > dial.writeMark.low) return
    overMark = false
    receiver.drained()
  }

  const link: LiveLink = {
    protocol: opened.protocol,
    write(frames) {
      if (!live() || sentCode !== undefined) return
      for (const frame of frames) {
        const size = frameSize(frame)
        buffered += size
        // The platform takes the bytes later, when the caller may have reused them.
        writer.write(typeof frame === "string" ? frame : frame.slice()).then(() => written(size), ignore)
      }
      if (buffered >= dial.writeMark.high) overMark = true
    },
    ping() {},
    buffered: () => (over ? 0 : buffered),
    received: () => received,
    pause() {
      paused = true
    },
    resume() {
      paused = false
      while (!paused && held.length > 0) deliver(held.shift()!)
      pump()
    },
    close(code, reason) {
      if (!live() || sentCode !== undefined) return
      const closeCode = CloseCode.closeCode(code)
      sentCode = closeCode
      // `writer.close()` would say 1005; waiting for it lets what was written go first.
      writer.ready.then(() => socket.close({ closeCode, reason: CloseCode.closeReason(reason) })).catch(ignore)
    },
    terminate: () => destroy(LinkErrors.dropped(dial)),
    destroy: () => {
      destroy(LinkErrors.dropped(dial))
      end(LinkErrors.dropped(dial))
    }
  }
  pump()
  return link
}

const closeQuietly = (socket: SocketStream, code?: number) => {
  try {
    socket.close(code === undefined ? {} : { closeCode: CloseCode.closeCode(code) })
  } catch {
    // A socket that cannot be closed is closed.
  }
}
