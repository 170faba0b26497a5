/**
 * A WebSocket of Effect's `WebSocketConstructor`, with what its platform shows
 * beyond Effect's interface.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { Dial } from "../../Transport.ts"
import type { Plug } from "./socketLink.ts"

type Constructor = Socket.WebSocketConstructor["Service"]

/** What `WebSocket` objects have, and Effect does not ask for. */
interface Extras {
  readonly protocol?: unknown
  readonly bufferedAmount?: unknown
  readonly terminate?: unknown
}

// Nothing here may throw, and a socket that cannot be closed is closed.
const destroy = (socket: Socket.WebSocketLike & Extras): void => {
  try {
    if (typeof socket.terminate === "function") socket.terminate()
    else socket.close()
  } catch {
    return
  }
}

const make = (constructor: Constructor, { headers, subprotocols, url }: Dial): Socket.WebSocketLike => {
  const protocols = [...subprotocols]
  return Object.keys(headers).length > 0 ? constructor(url, { protocols, headers }) : constructor(url, protocols)
}

export const open =
  (constructor: Constructor) =>
  (dial: Dial): Effect.Effect<Plug, never, Scope.Scope> =>
    Effect.suspend(() => {
      let current: (Socket.WebSocketLike & Extras) | undefined
      const acquire = Effect.acquireRelease(
        Effect.try({
          try: () => (current = make(constructor, dial)),
          catch: (cause) => new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })
        }),
        (socket) => Effect.sync(() => destroy(socket))
      )
      // The core bounds a dial, and pauses a socket that is not read.
      return Effect.map(Socket.fromWebSocket(acquire, { openTimeout: "1 hour" }), (socket) => ({
        socket,
        protocol: () => (typeof current?.protocol === "string" ? current.protocol : ""),
        buffered: () => (typeof current?.bufferedAmount === "number" ? current.bufferedAmount : 0),
        destroy: () => {
          if (current !== undefined) destroy(current)
        }
      }))
    })
