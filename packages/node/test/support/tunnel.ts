/**
 * A real HTTP CONNECT proxy, plain or over TLS, that counts its tunnels, may
 * want credentials, and can refuse.
 */
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Https from "node:https"
import { type AddressInfo, connect, type Socket } from "node:net"

export interface Tunnel {
  readonly port: number
  readonly targets: Array<string>
  readonly authorizations: Array<string | undefined>
}

const listen = (server: Http.Server) =>
  Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

export const tunnel = Effect.fnUntraced(function* (
  options: { readonly status?: string; readonly authorization?: string; readonly tls?: Https.ServerOptions } = {}
) {
  const targets: Array<string> = []
  const authorizations: Array<string | undefined> = []
  const sockets = new Set<Socket>()
  const server = options.tls === undefined ? Http.createServer() : Https.createServer(options.tls)
  server.on("connect", (request: Http.IncomingMessage, client: Socket) => {
    sockets.add(client)
    client.on("error", () => undefined)
    targets.push(request.url ?? "")
    authorizations.push(request.headers["proxy-authorization"])
    if (options.status !== undefined) return void client.end(`HTTP/1.1 ${options.status}\r\n\r\n`)
    if (options.authorization !== undefined && request.headers["proxy-authorization"] !== options.authorization) {
      return void client.end("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
    }
    const [host, port] = (request.url ?? "").split(":")
    const upstream = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n")
      upstream.pipe(client)
      client.pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on("error", () => client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"))
    upstream.on("close", () => client.destroy())
    client.on("close", () => upstream.destroy())
  })
  const port = yield* Effect.acquireRelease(listen(server), () =>
    Effect.callback<void>((resume) => {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      server.close(() => resume(Effect.void))
    })
  )
  return { port, targets, authorizations } satisfies Tunnel
})
