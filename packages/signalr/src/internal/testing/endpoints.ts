/**
 * The HTTP side of the test hub server: negotiation, the WebSocket upgrade,
 * server-sent events, long polling and POSTs, over Node's http and `ws`.
 */
import type * as Http from "node:http"
import type { Duplex } from "node:stream"
import type { Frame } from "kharbranth/Message"
import { WebSocketServer } from "ws"
import type { TransportName } from "../../TransportChoice.ts"
import type { Pipe, Session } from "./session.ts"

/** What an endpoint may answer instead of doing its work. */
export interface Reply {
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: unknown
  /** Never answer. */
  readonly hang?: boolean | undefined
}

/** One request, as a script of faults sees it. */
export interface Asked {
  readonly kind: "negotiate" | "upgrade" | "events" | "poll" | "post" | "delete"
  /** How many of this kind there have been, this one included. */
  readonly nth: number
  readonly url: URL
  readonly headers: Http.IncomingHttpHeaders
  /** The bearer token, wherever it stood. */
  readonly token: string | undefined
}

export interface EndpointOptions {
  readonly path: string
  readonly transports: ReadonlyArray<TransportName>
  /** Runs `then` when a poll has been held long enough; gives the way to call it off. */
  readonly afterPollTimeout: (then: () => void) => () => void
  readonly intercept: (asked: Asked) => Reply | undefined
  readonly negotiate: (asked: Asked) => unknown
  readonly find: (id: string | null) => Session | undefined
}

const formats: Record<TransportName, ReadonlyArray<string>> = {
  WebSockets: ["Text", "Binary"],
  ServerSentEvents: ["Text"],
  LongPolling: ["Text", "Binary"]
}

export const offered = (transports: ReadonlyArray<TransportName>) =>
  transports.map((transport) => ({ transport, transferFormats: formats[transport] }))

const tokenOf = (headers: Http.IncomingHttpHeaders, url: URL): string | undefined =>
  headers.authorization?.startsWith("Bearer ")
    ? headers.authorization.slice("Bearer ".length)
    : (url.searchParams.get("access_token") ?? undefined)

const isBinary = (request: Http.IncomingMessage) => request.headers["content-type"]?.includes("octet-stream") === true

const readBody = async (request: Http.IncomingMessage): Promise<Buffer> => {
  const pieces: Array<Buffer> = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

const answer = (response: Http.ServerResponse, reply: Reply): void => {
  if (reply.hang === true) return
  const isRaw = typeof reply.body === "string" || reply.body instanceof Uint8Array || reply.body === undefined
  response.writeHead(reply.status ?? 200, reply.headers)
  response.end(isRaw ? reply.body : JSON.stringify(reply.body))
}

const eventStream = (response: Http.ServerResponse, session: Session): void => {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  response.write(":\r\n\r\n")
  let clean = false
  const pipe: Pipe = {
    write: (frame) =>
      response.write(`data: ${typeof frame === "string" ? frame : new TextDecoder().decode(frame)}\r\n\r\n`),
    close: () => {
      clean = true
      response.end()
    },
    cut: () => response.destroy()
  }
  response.on("close", () => session.detach(pipe, clean))
  session.attach(pipe)
}

interface Poller {
  readonly pipe: Pipe
  poll(response: Http.ServerResponse): void
}

const makePoller = (afterTimeout: EndpointOptions["afterPollTimeout"]): Poller => {
  let waiting: Array<Frame> = []
  let open: Http.ServerResponse | undefined
  let callOff = () => {}
  let closed = false
  const take = (): Http.ServerResponse | undefined => {
    const response = open
    open = undefined
    callOff()
    return response
  }
  const flush = (): void => {
    if (waiting.length === 0) return
    const response = take()
    if (response === undefined) return
    const bodies = waiting.map((frame) => (typeof frame === "string" ? Buffer.from(frame) : Buffer.from(frame)))
    waiting = []
    answer(response, { body: Buffer.concat(bodies) })
  }
  return {
    pipe: {
      write: (frame) => {
        waiting.push(frame)
        flush()
      },
      close: () => {
        closed = true
        flush()
        const response = take()
        if (response !== undefined) answer(response, { status: 204 })
      },
      cut: () => take()?.destroy()
    },
    poll: (response) => {
      open = response
      flush()
      if (open === undefined) return
      if (closed) return answer(take()!, { status: 204 })
      callOff = afterTimeout(() => answer(take()!, {}))
      response.on("close", () => {
        if (open === response) take()
      })
    }
  }
}

/** Wires the endpoints into a server. */
export const serve = (server: Http.Server, options: EndpointOptions): void => {
  const counts = new Map<Asked["kind"], number>()
  const pollers = new WeakMap<Session, Poller>()
  // A poller outlives its session: what was said last, and the end itself, wait for the next poll.
  const pollersById = new Map<string, Poller>()
  const sockets = new WebSocketServer({ noServer: true })

  const ask = (kind: Asked["kind"], request: Http.IncomingMessage): Asked => {
    const nth = (counts.get(kind) ?? 0) + 1
    counts.set(kind, nth)
    const url = new URL(request.url ?? "/", "http://localhost")
    return { kind, nth, url, headers: request.headers, token: tokenOf(request.headers, url) }
  }

  const kindOf = (request: Http.IncomingMessage, path: string): Asked["kind"] | undefined => {
    if (path === `${options.path}/negotiate`) return request.method === "POST" ? "negotiate" : undefined
    if (path !== options.path) return undefined
    if (request.method === "POST") return "post"
    if (request.method === "DELETE") return "delete"
    if (request.headers.accept?.includes("text/event-stream") === true) return "events"
    return request.method === "GET" ? "poll" : undefined
  }

  const poll = (id: string, session: Session, response: Http.ServerResponse): void => {
    const known = pollers.get(session)
    if (known !== undefined) return known.poll(response)
    const poller = makePoller(options.afterPollTimeout)
    pollers.set(session, poller)
    pollersById.set(id, poller)
    session.attach(poller.pipe)
    // The first poll only says that the connection is there.
    answer(response, {})
  }

  const handle = async (request: Http.IncomingMessage, response: Http.ServerResponse): Promise<void> => {
    const kind = kindOf(request, new URL(request.url ?? "/", "http://localhost").pathname)
    const body = await readBody(request)
    if (kind === undefined) return answer(response, { status: 404 })
    const asked = ask(kind, request)
    const fault = options.intercept(asked)
    if (fault !== undefined) return answer(response, fault)
    if (kind === "negotiate") return answer(response, { body: options.negotiate(asked) })
    const id = asked.url.searchParams.get("id")
    const session = id === null ? undefined : options.find(id)
    const farewell = kind === "poll" && session === undefined && id !== null ? pollersById.get(id) : undefined
    if (farewell !== undefined) return farewell.poll(response)
    if (id === null || session === undefined) return answer(response, { status: id === null ? 400 : 404 })
    if (kind === "post") {
      session.receive(isBinary(request) ? new Uint8Array(body) : body.toString())
      return answer(response, {})
    }
    if (kind === "delete") {
      session.end()
      return answer(response, { status: 202 })
    }
    return kind === "events" ? eventStream(response, session) : poll(id, session, response)
  }

  const refuse = (socket: Duplex, status: number): void => {
    socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }

  const upgrade = (request: Http.IncomingMessage, socket: Duplex, head: Buffer): void => {
    const asked = ask("upgrade", request)
    const fault = options.intercept(asked)
    if (fault?.hang === true) return
    if (fault !== undefined) return refuse(socket, fault.status ?? 500)
    const session = asked.url.pathname === options.path ? options.find(asked.url.searchParams.get("id")) : undefined
    if (session === undefined) return refuse(socket, 404)
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const pipe: Pipe = {
        write: (frame) => webSocket.send(frame),
        close: () => webSocket.close(1000),
        cut: () => webSocket.terminate()
      }
      webSocket.on("message", (data: Buffer, binary: boolean) =>
        session.receive(binary ? new Uint8Array(data) : data.toString())
      )
      webSocket.on("close", (code: number) => session.detach(pipe, code !== 1006))
      webSocket.on("error", () => webSocket.terminate())
      session.attach(pipe)
    })
  }

  server.on("request", (request, response) => void handle(request, response).catch(() => response.destroy()))
  server.on("upgrade", upgrade)
}
