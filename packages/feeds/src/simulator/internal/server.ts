/** A simulated venue between a `ws` server, an HTTP server and the machine's clock. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type WebSocket, WebSocketServer } from "ws"
import type { Options, ServedVenue } from "../SimulatorServer.ts"
import * as Simulator from "../Simulator.ts"

/** `/host/path?query` of a request as the venue's own address. */
const official = (request: IncomingMessage, scheme: string): string => `${scheme}:/${request.url ?? "/"}`

const rewriter =
  (hosts: ReadonlyArray<string>, port: () => number) =>
  (url: string): string => {
    const parts = /^(ws|http)s?:\/\/([^/?]+)(.*)$/.exec(url)
    const [, scheme = "", address = "", rest = ""] = parts ?? []
    // A port that the venue does not list leads to the same host.
    const host = [address, address.replace(/:\d+$/, "")].find((found) => hosts.includes(found))
    return host === undefined ? url : `${scheme}://127.0.0.1:${port()}/${host}${rest}`
  }

class Host {
  readonly simulator: Simulator.Simulator
  readonly server: Server
  private readonly sockets = new Map<number, WebSocket>()
  /** Connections with too much unread. */
  private readonly crowded = new Set<number>()
  private readonly tcp = new Map<number, Socket>()
  private readonly upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false, autoPong: true })
  private readonly now: () => number
  /** Bytes that may wait for a client that does not read. */
  private readonly unread: number
  private timer: NodeJS.Timeout | undefined

  constructor(simulator: Simulator.Simulator, now: () => number, unread: number) {
    this.unread = unread
    this.simulator = simulator
    this.now = now
    this.server = createServer((request, response) => this.answer(request, response))
    this.server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.upgrade(request, socket, head)
    )
  }

  stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    for (const socket of this.sockets.values()) socket.terminate()
    this.server.closeAllConnections()
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const method = request.method ?? "GET"
    const answer = this.simulator.request({ method, url: official(request, "https") }, this.now())
    this.flush()
    request.resume()
    response.writeHead(answer.status, answer.headers)
    response.end(answer.body)
  }

  private upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on("error", () => socket.destroy())
    const answer = this.simulator.connect({ url: official(request, "wss") }, this.now())
    if (answer._tag === "Rejected") {
      const wait = answer.retryAfter === undefined ? "" : `Retry-After: ${answer.retryAfter}\r\n`
      socket.end(`HTTP/1.1 ${answer.status} Refused\r\n${wait}Content-Length: 0\r\nConnection: close\r\n\r\n`)
      return
    }
    const { connection } = answer
    this.upgrades.handleUpgrade(request, socket, head, (ws) => {
      this.sockets.set(connection, ws)
      this.tcp.set(connection, socket)
      ws.on("message", (data: Buffer) => this.told((now) => this.simulator.receive(connection, data.toString(), now)))
      ws.on("ping", () => this.told((now) => this.simulator.pinged(connection, now)))
      ws.on("pong", () => this.told((now) => this.simulator.ponged(connection, now)))
      ws.on("error", () => ws.terminate())
      ws.on("close", () => {
        this.sockets.delete(connection)
        this.tcp.delete(connection)
        this.told((now) => this.simulator.left(connection, now))
      })
      this.flush()
    })
  }

  private told(tell: (now: number) => void): void {
    tell(this.now())
    this.flush()
  }

  /** Carries out what the venue has done, and sets the timer for what it will do next. */
  private flush(): void {
    for (const output of this.simulator.take()) {
      const socket = this.sockets.get(output.connection)
      if (socket !== undefined) this.act(socket, output)
    }
    this.relieve()
    clearTimeout(this.timer)
    const { next } = this.simulator
    // While nobody is there, the venue catches up when somebody comes.
    if (next === undefined || this.sockets.size === 0) return
    this.timer = setTimeout(() => this.told((now) => this.simulator.tick(now)), Math.max(0, next - this.now()))
  }

  /** Cuts off who does not read. */
  private relieve(): void {
    for (const connection of this.crowded) {
      this.crowded.delete(connection)
      this.simulator.congested(connection, this.unread, this.now())
      this.sockets.get(connection)?.terminate()
    }
  }

  private act(socket: WebSocket, output: Simulator.Output): void {
    switch (output._tag) {
      case "Text":
        socket.send(output.text)
        if (socket.bufferedAmount > this.unread) this.crowded.add(output.connection)
        return
      case "Ping":
        return socket.ping(output.payload)
      case "Close":
        return socket.close(output.code, output.reason)
      case "Cut":
        this.tcp.get(output.connection)?.resetAndDestroy()
        return
      case "Deafen":
      case "Pause":
        return socket.pause()
      case "Resume":
        return socket.resume()
    }
  }
}

const listen = (server: Server, port: number): Effect.Effect<number, Error> =>
  Effect.callback((resume) => {
    server.once("error", (cause) => resume(Effect.fail(cause)))
    server.listen(port, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

const closed = (server: Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    server.close(() => resume(Effect.void))
  })

export const serve = (
  venue: Simulator.VenueId,
  options: Options = {}
): Effect.Effect<ServedVenue, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    let port = 0
    const address = (url: string): string => rewrite(url)
    const simulator = Simulator.make(venue, { start: now(), address, ...options })
    const rewrite = rewriter(simulator.hosts, () => port)
    const host = yield* Effect.acquireRelease(
      Effect.sync(() => new Host(simulator, now, options.unread ?? 64 * 1024 * 1024)),
      (host) =>
        Effect.andThen(
          Effect.sync(() => host.stop()),
          closed(host.server)
        )
    )
    port = yield* listen(host.server, options.port ?? 0)
    return { simulator, port, rewrite }
  })
