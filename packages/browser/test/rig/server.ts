/**
 * A WebSocket server that tests control: endpoints with one kind of behaviour
 * each, a log of what happened to every session, and verbs to kill, close,
 * stall or speak. In the same process through `start`, or in its own (run this
 * file) through HTTP under `/control/`. `/echo` says everything back, `/talk`
 * (and whatever begins with it) also answers `ping` with `pong`, `?late=n`
 * milliseconds later. With `hub` there is a SignalR hub beside it.
 */
import { HubServer } from "@kharbranth/signalr/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { readFile } from "node:fs/promises"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Path from "node:path"
import { type WebSocket, WebSocketServer } from "ws"

export interface Entry {
  readonly at: number
  readonly event: "open" | "close" | "message" | "flooded"
  readonly session: number
  readonly path: string
  /** The text of a message, the code of a close, or how many messages a flood had. */
  readonly what: string
}

export interface Verb {
  /** Until `accept`, `refuse` cuts what dials, and `swallow` leaves it without an answer for ever. */
  readonly verb: "kill" | "close" | "say" | "stall" | "unstall" | "refuse" | "swallow" | "accept"
  readonly path: string
  readonly code?: number
  readonly reason?: string
  readonly text?: string
  /** For `say`: how many copies, numbered by a leading `n:`. */
  readonly count?: number
}

const startHub = async () => {
  const scope = Scope.makeUnsafe()
  const hub = await HubServer.make({
    methods: { Add: ({ args }) => Effect.succeed(Number(args[0]) + Number(args[1])) },
    streams: { Count: ({ args }) => Stream.range(1, Number(args[0])) }
  }).pipe(Scope.provide(scope), Effect.runPromise)
  return { hub, stop: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

export const start = async (
  options: { readonly port?: number; readonly folder?: string; readonly hub?: boolean } = {}
) => {
  const hub = options.hub === true ? await startHub() : undefined
  const log: Array<Entry> = []
  const sessions = new Map<number, { readonly socket: WebSocket; readonly path: string }>()
  const refused = new Set<string>()
  const swallowed = new Set<string>()
  let last = 0

  const http = Http.createServer((request, response) => void answer(request, response))
  const wss = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false })

  const answer = async (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const url = new URL(request.url ?? "/", "http://localhost")
    const body = (status: number, type: string, content: string | Uint8Array) =>
      response.writeHead(status, { "content-type": type, "cache-control": "no-cache" }).end(content)
    const rejected = rejection(url)
    if (rejected !== undefined) return response.writeHead(rejected, { "retry-after": "7" }).end()
    if (url.pathname === "/control/log") return body(200, "application/json", JSON.stringify(log))
    if (url.pathname === "/control/sessions")
      return body(200, "application/json", JSON.stringify(openOn(url.searchParams.get("path"))))
    if (url.pathname === "/control/hub") return body(200, "application/json", JSON.stringify(hub?.hub.url ?? ""))
    if (url.pathname === "/control/hub/cut") {
      for (const client of hub?.hub.clients() ?? []) client.cut()
      return body(200, "text/plain", "done")
    }
    if (url.pathname === "/control/hub/tell") {
      hub?.hub.broadcast("Told", "news")
      return body(200, "text/plain", "done")
    }
    if (url.pathname === "/control/do") {
      let text = ""
      for await (const chunk of request) text += chunk
      perform(JSON.parse(text) as Verb)
      return body(200, "text/plain", "done")
    }
    if (url.pathname.endsWith(".html")) {
      const script = `/${Path.basename(url.pathname, ".html")}.js`
      return body(200, "text/html", `<!doctype html><title>rig</title><script type="module" src="${script}"></script>`)
    }
    if (url.pathname.endsWith(".js") && options.folder !== undefined) {
      return readFile(Path.join(options.folder, Path.basename(url.pathname))).then(
        (content) => body(200, "text/javascript", content),
        () => body(404, "text/plain", "no such script")
      )
    }
    return body(426, "text/plain", "Upgrade Required")
  }

  const rejection = (url: URL): number | undefined => {
    const status = /^\/reject\/(\d{3})$/.exec(url.pathname)?.[1]
    return status === undefined ? undefined : Number(status)
  }

  const connections = new Set<object>()
  http.on("connection", (socket) => {
    connections.add(socket)
    socket.on("close", () => connections.delete(socket))
  })

  http.on("upgrade", (request, socket, head) => {
    const url = new URL(request.url ?? "/", "http://localhost")
    socket.on("error", () => socket.destroy())
    if (url.pathname === "/hang" || swallowed.has(url.pathname))
      return void socket.on("end", () => socket.end()).resume()
    if (refused.has(url.pathname)) return void socket.destroy()
    const status = rejection(url)
    if (status !== undefined)
      return void socket.end(`HTTP/1.1 ${status} No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n`)
    wss.handleUpgrade(request, socket, head, (ws) => open(ws, url))
  })

  const open = (socket: WebSocket, url: URL) => {
    const session = ++last
    const path = url.pathname
    const note = (event: Entry["event"], what: string) => log.push({ at: Date.now(), event, session, path, what })
    sessions.set(session, { socket, path })
    note("open", "")
    socket.on("error", () => {})
    socket.on("close", (code) => {
      sessions.delete(session)
      note("close", String(code))
    })
    socket.on("message", (data: Buffer, binary) => {
      note("message", binary ? `<${data.length} bytes>` : data.toString().slice(0, 200))
      if (path === "/echo") socket.send(data, { binary })
      if (path.startsWith("/talk")) talk(socket, data, binary, Number(url.searchParams.get("late")))
    })
    // Hears a close frame, and says nothing.
    if (path.startsWith("/mute")) socket.close = () => {}
    if (path === "/flood") {
      const count = Number(url.searchParams.get("count"))
      flood(socket, count, Number(url.searchParams.get("size")), () => note("flooded", String(count)))
    }
    if (path === "/greet") {
      for (let i = 0; i < 5; i++) socket.send(`${i}:greeting`)
      const large = Number(url.searchParams.get("large"))
      if (large > 0) for (const text of ["x".repeat(large), "5:after it"]) socket.send(text)
      socket.close(4321, "that was all")
    }
  }

  const talk = (socket: WebSocket, data: Buffer, binary: boolean, late: number) => {
    const answer = () => socket.send(!binary && data.toString() === "ping" ? "pong" : data, { binary })
    if (late > 0) setTimeout(answer, late)
    else answer()
  }

  /** As fast as the reader takes it, and no faster: what is unread waits here, not in memory. */
  const flood = (socket: WebSocket, count: number, size: number, done: () => void) => {
    const text = "x".repeat(Math.max(0, size - 10))
    let sent = 0
    const more = () => {
      while (sent < count && socket.bufferedAmount < 1_000_000)
        socket.send(`${String(sent++).padStart(9, "0")}:${text}`)
      if (sent === count) done()
      else if (socket.readyState === socket.OPEN) setTimeout(more, 1)
    }
    more()
  }

  const on = (path: string) => [...sessions.values()].filter((session) => session.path === path)
  const openOn = (path: string | null) =>
    [...sessions].filter(([, session]) => path === null || session.path === path).map(([session]) => session)

  const perform = (verb: Verb) => {
    if (verb.verb === "refuse") refused.add(verb.path)
    if (verb.verb === "swallow") swallowed.add(verb.path)
    if (verb.verb === "accept") {
      refused.delete(verb.path)
      swallowed.delete(verb.path)
    }
    for (const { socket } of on(verb.path)) {
      if (verb.verb === "kill") socket.terminate()
      if (verb.verb === "close") socket.close(verb.code, verb.reason)
      if (verb.verb === "stall") socket.pause()
      if (verb.verb === "unstall") socket.resume()
      if (verb.verb === "say") {
        const count = verb.count ?? 0
        if (count === 0) socket.send(verb.text ?? "")
        for (let i = 0; i < count; i++) socket.send(`${i}:${verb.text ?? ""}`)
      }
    }
  }

  await new Promise<void>((resolve) => http.listen(options.port ?? 0, "127.0.0.1", resolve))
  const { port } = http.address() as AddressInfo
  return {
    port,
    log: log as ReadonlyArray<Entry>,
    sessions: openOn,
    /** How many TCP connections are open, upgraded or not. */
    tcp: () => connections.size,
    perform,
    url: (path: string) => `ws://127.0.0.1:${port}${path}`,
    stop: async () => {
      await hub?.stop()
      await new Promise<void>((resolve) => {
        for (const { socket } of sessions.values()) socket.terminate()
        http.close(() => resolve())
        http.closeAllConnections()
      })
    }
  }
}

export type Server = Awaited<ReturnType<typeof start>>

if (import.meta.filename === process.argv[1]) {
  const server = await start({ folder: process.argv[2]!, hub: true })
  process.stdout.write(`${JSON.stringify({ port: server.port })}\n`)
  process.stdin.on("end", () => process.exit(0)).resume()
}
