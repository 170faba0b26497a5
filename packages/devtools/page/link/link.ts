/**
 * The page's own connection to the program. It heals when the program restarts,
 * and says again in each session what the page wants to see.
 */
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Connection from "kharbranth/Connection"
import type { ConnectionState } from "kharbranth/ConnectionState"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Inbox from "kharbranth/Inbox"
import * as Reconnect from "kharbranth/Reconnect"
import { kindOf } from "../../src/internal/wire/copy.ts"
import { type Frame, otherVersion, path, type Request, subprotocol } from "../../src/internal/wire/wire.ts"
import type { Link } from "../state/live.ts"
import { codec } from "./codec.ts"

/** Where the socket of this page is; nowhere for a page that was opened from a folder. */
const target = (): string | undefined => {
  const url = new URL(location.href)
  if (!/^https?:$/.test(url.protocol)) return undefined
  return `${url.protocol.replace("http", "ws")}//${url.host}${path}`
}

/** How an end shows. Until the program says hello, a socket says nothing of who is there. */
const linkOf = (state: ConnectionState): Link | undefined => {
  switch (state._tag) {
    case "Connecting":
      return state.attempt > 1 ? { is: "retrying" } : { is: "dialing" }
    case "Reconnecting": {
      const { cause } = state
      if (cause._tag === "ConnectionClosed" && cause.code === otherVersion) return { is: "differs" }
      const isRefused = cause._tag === "HandshakeRejected" && [401, 403].includes(cause.status)
      return isRefused ? { is: "refused" } : { is: "away" }
    }
    case "Failed":
      return { is: "broken", text: state.error.message }
    default:
      return undefined
  }
}

export interface Ears {
  readonly frame: (frame: Frame) => void
  readonly link: (link: Link) => void
  /** What every session begins with. */
  readonly opening: () => ReadonlyArray<Request>
}

/** Connects for as long as the page lives, and gives the way to ask. What is asked while nobody is there is lost. */
export const connect = (ears: Ears): ((request: Request) => void) => {
  const url = target()
  if (url === undefined) {
    ears.link({ is: "none" })
    return () => {}
  }
  let send: (request: Request) => void = () => {}
  const seen = (link: Link | undefined): void => {
    if (link !== undefined) ears.link(link)
  }
  const heard = (frame: Frame): void => {
    if (frame.t === "hello") ears.link({ is: "live" })
    ears.frame(frame)
  }
  const program = Effect.gen(function* () {
    const connection = yield* Connection.make("dashboard", {
      target: { url, subprotocols: [subprotocol] },
      codec,
      startup: "background",
      onOpen: (session) => Effect.forEach(ears.opening(), session.send, { discard: true }),
      // The totals come every second.
      heartbeat: Heartbeat.passive({ idle: "10 seconds" }),
      reconnect: Reconnect.make({
        schedule: Schedule.spaced("1 second"),
        // Also after a refusal: the next program, or a cookie from another tab, may let this page in.
        classify: () => Reconnect.retry
      }),
      outbox: { whenDown: "drop" },
      // A page that stood still, as in a debugger, catches up with the newest of each kind.
      inbox: { highWaterMark: 1024 * 1024, overflow: { shed: Inbox.conflate, key: kindOf } },
      maxMessageSize: 8 * 1024 * 1024
    })
    send = (request) => void Effect.runFork(Effect.ignore(connection.send(request)))
    yield* Effect.forkScoped(
      Stream.runForEach(connection.state.changes, (state) => Effect.sync(() => seen(linkOf(state))))
    )
    yield* Stream.runForEach(connection.stream, (frame) => Effect.sync(() => heard(frame)))
  }).pipe(
    Effect.scoped,
    Effect.provide(BrowserTransport.layer({ diagnose: BrowserTransport.diagnoseByFetch })),
    Effect.catch((error) => Effect.sync(() => ears.link({ is: "broken", text: error.message }))),
    // Only a mistake makes it fail for good. Somebody looks at this page, so it tries again even then.
    Effect.andThen(Effect.sleep("5 seconds")),
    Effect.forever
  )
  Effect.runFork(program)
  return (request) => send(request)
}
