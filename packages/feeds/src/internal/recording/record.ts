/** Records what crosses a transport, and what HTTP answers. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import type { Frame } from "kharbranth/Message"
import { type Receiver, Transport } from "kharbranth/Transport"
import type { Line } from "../../Recording.ts"
import type * as Rest from "../../Rest.ts"
import { Fetch } from "../rest/fetch.ts"
import { addressOf } from "./lines.ts"

type Write = (line: Omit<Line, "ts">) => void

const framed = (frame: Frame): Pick<Line, "data" | "binary"> =>
  typeof frame === "string" ? { data: frame } : { data: Base64.encode(frame), binary: true }

const recorded = (transport: Transport["Service"], write: Write): Transport["Service"] => ({
  ...transport,
  dial: (dial, receiver) =>
    Effect.suspend(() => {
      const conn = `${dial.connection} ${dial.epoch}`
      let isOpen = false
      // Its first frame may come before the dial has returned.
      const open = (): void => {
        if (!isOpen) write({ t: "connect", conn, url: addressOf(dial.url) })
        isOpen = true
      }
      return Effect.map(transport.dial(dial, listening(receiver, conn, open, write)), (link) => {
        open()
        return {
          ...own(link),
          write: (frames) => {
            for (const frame of frames) write({ t: "send", conn, ...framed(frame) })
            link.write(frames)
          }
        }
      })
    })
})

/** The methods of a link, wherever they stand. */
const own = (link: Effect.Success<ReturnType<Transport["Service"]["dial"]>>): typeof link => ({
  protocol: link.protocol,
  write: (frames) => link.write(frames),
  ping: (payload) => link.ping(payload),
  buffered: () => link.buffered(),
  received: () => link.received(),
  pause: () => link.pause(),
  resume: () => link.resume(),
  close: (code, reason) => link.close(code, reason),
  terminate: () => link.terminate()
})

const listening = (receiver: Receiver, conn: string, open: () => void, write: Write): Receiver => ({
  frame: (frame, size) => {
    open()
    write({ t: "recv", conn, ...framed(frame) })
    receiver.frame(frame, size)
  },
  ping: (payload) => receiver.ping(payload),
  pong: (payload) => receiver.pong(payload),
  drained: () => receiver.drained(),
  ended: (error) => {
    write({ t: "end", conn, ...(error._tag === "ConnectionClosed" && { code: error.code }) })
    receiver.ended(error)
  }
})

const recordedFetch =
  (fetch: Rest.Fetch, clock: Clock.Clock, write: Write): Rest.Fetch =>
  (request) =>
    Effect.suspend(() => {
      const begun = clock.currentTimeMillisUnsafe()
      return Effect.tap(fetch(request), ({ body, status }) =>
        Effect.sync(() => {
          const took = (clock.currentTimeMillisUnsafe() - begun) / 1000
          write({ t: "http", url: request.url, code: status, data: body, took })
        })
      )
    })

export const record = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  write: (line: string) => void
): Effect.Effect<A, E, R | Transport> =>
  Effect.gen(function* () {
    const transport = yield* Transport
    const fetch = yield* Fetch
    const clock = yield* Clock.clockWith(Effect.succeed)
    const line: Write = ({ t, ...rest }) =>
      write(JSON.stringify({ t, ts: clock.currentTimeMillisUnsafe() / 1000, ...rest }))
    return yield* program.pipe(
      Effect.provideService(Transport, recorded(transport, line)),
      Effect.provideService(Fetch, recordedFetch(fetch, clock, line))
    )
  })
