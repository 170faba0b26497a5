/** The WebSocket of one viewer. */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Queue from "effect/Queue"
import * as Socket from "effect/socket/Socket"
import type { Board } from "../viewer/board.ts"
import type { Outlet } from "../viewer/viewer.ts"
import { otherVersion, subprotocol } from "../wire/wire.ts"

/** How long a closing handshake may take. */
const closing = "500 millis"

type Sent = string | Socket.CloseEvent

/** Frames on their way to a socket: those that wait here, and those that wait in the socket. */
const outletOf = (queue: Queue.Queue<Sent>, unsent: () => number) => {
  let queued = 0
  const outlet: Outlet = {
    write: (text) => {
      queued += text.length
      Queue.offerUnsafe(queue, text)
    },
    waiting: () => queued + unsent(),
    close: (code, reason) => void Queue.offerUnsafe(queue, new Socket.CloseEvent(code, reason))
  }
  const written = (text: string): void => {
    queued -= text.length
  }
  return { outlet, written }
}

const offers = (request: HttpServerRequest): boolean =>
  (request.headers["sec-websocket-protocol"] ?? "").split(",").some((offered) => offered.trim() === subprotocol)

/** Serves a viewer until it leaves, or until the program ends. */
export const serve = Effect.fnUntraced(function* (
  request: HttpServerRequest,
  board: Board,
  ending: Deferred.Deferred<void>
) {
  const { socket: wire } = NodeHttpServerRequest.toIncomingMessage(request)
  const socket = yield* request.upgrade
  const { pull } = yield* socket.reader
  const writer = yield* socket.writer
  const queue = yield* Queue.unbounded<Sent>()
  const { outlet, written } = outletOf(queue, () => wire.writableLength)
  /** Ends with the close frame that it wrote. */
  const writing = Effect.gen(function* () {
    for (;;) {
      const frames = yield* Queue.takeAll(queue)
      // One packet for all of them.
      wire.cork()
      for (const frame of frames) {
        yield* writer.write(frame)
        if (typeof frame === "string") written(frame)
      }
      wire.uncork()
      if (frames.some((frame) => typeof frame !== "string")) return
    }
  })
  const left = Effect.ignore(Effect.forever(pull))
  if (!offers(request)) {
    outlet.close(otherVersion, `this program speaks ${subprotocol}`)
    yield* writing
  } else {
    const viewer = yield* board.join(outlet)
    const hear = (frames: ReadonlyArray<string | Uint8Array>): void => {
      for (const frame of frames) {
        if (typeof frame === "string") viewer.receive(frame)
        else outlet.close(1003, "text frames only")
      }
    }
    const reading = Effect.ignore(Effect.forever(Effect.flatMap(pull, (frames) => Effect.sync(() => hear(frames)))))
    const ended = Effect.andThen(
      Deferred.await(ending),
      Effect.sync(() => outlet.close(1001, "the program ends"))
    )
    yield* Effect.forkScoped(ended)
    yield* Effect.raceFirst(reading, writing)
  }
  yield* Effect.timeoutOption(left, closing)
  wire.destroy()
}, Effect.scoped)
