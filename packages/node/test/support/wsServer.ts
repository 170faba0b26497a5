/**
 * A well-behaved `ws` server for tests, plain or over TLS, that lives in the
 * test's scope and hands out its sockets as they come.
 */
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo } from "node:net"
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws"

export interface Peer {
  readonly ws: WebSocket
  readonly request: Http.IncomingMessage
}

export interface Server {
  readonly port: number
  readonly url: string
  /** The n-th peer that connected, as soon as it has. */
  readonly peer: (index?: number) => Effect.Effect<Peer>
}

const listen = (server: Http.Server) =>
  Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

export const serve = Effect.fnUntraced(function* (
  onPeer: (ws: WebSocket, request: Http.IncomingMessage) => void = () => undefined,
  options: ServerOptions & { readonly tls?: Https.ServerOptions } = {}
) {
  const { tls, ...rest } = options
  const http = tls === undefined ? Http.createServer() : Https.createServer(tls)
  const peers: Array<Peer> = []
  const waiters = new Set<() => void>()
  const server = new WebSocketServer({ ...rest, server: http })
  server.on("connection", (ws, request) => {
    ws.on("error", () => undefined)
    peers.push({ ws, request })
    onPeer(ws, request)
    for (const waiter of waiters) waiter()
  })
  http.on("tlsClientError", () => undefined)
  const port = yield* Effect.acquireRelease(listen(http), () =>
    Effect.callback<void>((resume) => {
      for (const client of server.clients) client.terminate()
      http.closeAllConnections()
      http.close(() => resume(Effect.void))
    })
  )
  const peer = (index = 0): Effect.Effect<Peer> =>
    Effect.callback((resume) => {
      const check = () => {
        const found = peers[index]
        if (found === undefined) return
        waiters.delete(check)
        resume(Effect.succeed(found))
      }
      waiters.add(check)
      check()
    })
  return { port, url: `${tls === undefined ? "ws" : "wss"}://127.0.0.1:${port}`, peer } satisfies Server
})

export const echo = (ws: WebSocket): void => {
  ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }))
}

/** The next message this peer gets, with whether it was binary. */
export const nextMessage = (ws: WebSocket) =>
  Effect.callback<readonly [Buffer, boolean]>((resume) => {
    ws.once("message", (data: Buffer, isBinary) => resume(Effect.succeed([data, isBinary])))
  })

export const closed = (ws: WebSocket) =>
  Effect.callback<readonly [number, string]>((resume) => {
    ws.once("close", (code, reason) => resume(Effect.succeed([code, reason.toString()])))
  })
