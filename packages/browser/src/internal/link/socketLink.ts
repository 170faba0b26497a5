/**
 * A `Link` on the platform's `WebSocket`: the one a page has, and the one that
 * Node, Bun and Deno have in its image. The socket's four events become the
 * receiver's calls; whichever end comes first (a close event, an error event
 * that no close follows, our own verdict) is the only one.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import * as Burst from "./burst.ts"
import * as CloseCode from "./closeCode.ts"
import type { Diagnosis } from "../../BrowserTransport.ts"
import { constructorError, explained, unsupported } from "./dialErrors.ts"
import * as LinkErrors from "./linkErrors.ts"
import { frameSize } from "./textSize.ts"
import * as WriteMark from "./writeMark.ts"

const OPEN = 1

export const dial =
  (make: (url: string, subprotocols: Array<string>) => WebSocket, diagnosis: Diagnosis | undefined) =>
  (dial: Dial, receiver: Receiver): Effect.Effect<Link, ConnectionError.DialError, Scope.Scope> =>
    Effect.gen(function* () {
      const refusal = unsupported(dial)
      if (refusal !== undefined) return yield* refusal
      const run = Effect.runForkWith(yield* Effect.context<never>())
      const socket = yield* Effect.acquireRelease(
        Effect.try({
          try: () => open(make(dial.url, [...dial.subprotocols]), dial, receiver, run),
          catch: (cause) => constructorError(dial, cause)
        }),
        (socket) => Effect.sync(socket.destroy)
      )
      const failure = yield* Effect.onInterrupt(socket.opened, () => Effect.sync(socket.destroy))
      return failure === undefined ? socket.link : yield* Effect.flip(explained(dial, diagnosis, failure.cause))
    })

interface Opening {
  readonly cause: unknown
}

const open = (socket: WebSocket, dial: Dial, receiver: Receiver, run: ReturnType<typeof Effect.runForkWith<never>>) => {
  let phase: "dialing" | "open" | "over" = "dialing"
  let sentCode: number | undefined
  const opened = Deferred.makeUnsafe<Opening | undefined>()
  let received = 0
  let isEnding = false

  /** Gives the size of the message. */
  const read = ({ data }: MessageEvent<string | ArrayBuffer>): number => {
    const frame = typeof data === "string" ? data : new Uint8Array(data)
    const size = frameSize(frame)
    if (size > dial.maxMessageSize) end(LinkErrors.tooLarge(dial, size), 1009)
    else receiver.frame(frame, size)
    return size
  }

  const burst = Burst.make(read, Burst.post())
  const mark = WriteMark.make({
    ...dial.writeMark,
    run,
    buffered: () => socket.bufferedAmount,
    drained: () => receiver.drained()
  })

  const opening = (failure: Opening | undefined) => void Deferred.doneUnsafe(opened, Effect.succeed(failure))

  const detach = () => {
    socket.removeEventListener("open", onOpen)
    socket.removeEventListener("message", onMessage)
    socket.removeEventListener("error", onError)
    socket.removeEventListener("close", onClose)
    mark.stop()
  }

  /** Ends the link once, after taking every listener off, so that nothing can arrive later. */
  const end = (error: ConnectionError.LinkError, code?: number) => {
    // What still waits may be too large, or end the link by its receiver.
    burst.end()
    if (phase === "over") return
    const wasOpen = phase === "open"
    phase = "over"
    detach()
    closeQuietly(socket, code)
    if (wasOpen) receiver.ended(error)
    else opening({ cause: error })
  }

  const fail = (cause: unknown) => {
    if (phase === "open") return end(LinkErrors.dropped(dial, cause))
    phase = "over"
    detach()
    closeQuietly(socket)
    opening({ cause })
  }

  const onOpen = () => {
    phase = "open"
    opening(undefined)
  }

  const onMessage = (event: MessageEvent<string | ArrayBuffer>) => {
    received++
    burst.add(event)
    mark.check()
  }

  const onError = (event: Event) => fail(event)

  const onClose = (event: CloseEvent) => {
    if (phase === "open" && event.wasClean) end(LinkErrors.closed(dial, sentCode, event))
    else fail(undefined)
  }

  /** Ends the link a microtask later, so that its end never arrives inside the call that caused it. */
  const endSoon = (error: ConnectionError.LinkError) => {
    if (phase !== "open" || isEnding) return
    isEnding = true
    detach()
    closeQuietly(socket)
    queueMicrotask(() => end(error))
  }

  socket.binaryType = "arraybuffer"
  socket.addEventListener("open", onOpen)
  socket.addEventListener("message", onMessage)
  socket.addEventListener("error", onError)
  socket.addEventListener("close", onClose)

  const live = () => phase === "open" && !isEnding && socket.readyState === OPEN

  const link: Link = {
    get protocol() {
      return socket.protocol
    },
    write(frames) {
      if (!live()) return
      try {
        for (const frame of frames) socket.send(frame as string | Uint8Array<ArrayBuffer>)
      } catch (cause) {
        return endSoon(LinkErrors.writeFailed(dial, cause))
      }
      mark.written()
    },
    ping() {},
    buffered: () => (phase === "open" ? socket.bufferedAmount : 0),
    received: () => received,
    pause() {},
    resume() {},
    close(code, reason) {
      if (!live() || sentCode !== undefined) return
      sentCode = CloseCode.closeCode(code)
      socket.close(sentCode, CloseCode.closeReason(reason))
    },
    terminate: () => endSoon(LinkErrors.dropped(dial))
  }

  return {
    link,
    /** Settles when the socket is open, or with the reason why it is not. */
    opened: Deferred.await(opened),
    destroy: () => end(LinkErrors.dropped(dial))
  }
}

/** There is no `terminate` in the API: closing without listeners is as near as it gets, and it must not throw. */
const closeQuietly = (socket: WebSocket, code?: number) => {
  try {
    if (code === undefined) socket.close()
    else socket.close(CloseCode.closeCode(code))
  } catch {
    // A socket that cannot be closed is closed.
  }
}
