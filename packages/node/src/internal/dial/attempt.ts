/**
 * One dial under way, until its upgrade is answered. It settles once, and
 * disposing it at any moment leaves no socket behind. What it opens is ours to
 * read and write, unless it compresses: then `ws` does that, and the upgrade too.
 *
 * The client of `ws` overrides `emit` instead of having listeners, because a listener
 * for each event of each of ten thousand dials costs too much. It passes its
 * events on: to the attempt until it is open, and to the link from then on.
 */
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type { Link, Receiver } from "kharbranth/Transport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import type * as Net from "node:net"
import { WebSocket } from "ws"
import * as DialErrors from "./errors.ts"
import { Handshake, type HandshakeOwner } from "./handshake.ts"
import { FrameSocket } from "../link/frameSocket.ts"
import { NodeLink } from "../link/nodeLink.ts"
import { enough, type Wire } from "../link/wire.ts"
import * as Phases from "./phases.ts"
import * as Proxy from "./proxy.ts"
import * as Rejection from "./rejection.ts"
import type { UpgradeRequest } from "./upgradeRequest.ts"

type DialResult = Effect.Effect<Link, ConnectionError.DialError>

/**
 * A `ws` client that passes its events straight to what owns it: a dial under
 * way, and then a link. Listeners would be looked up for every message, and kept
 * for every client.
 */
class Client extends WebSocket implements Wire {
  attempt: Attempt | undefined = undefined
  link: NodeLink | undefined = undefined
  #socket: Net.Socket | undefined = undefined

  /** Throws what `ws` and Node throw for a request that cannot be built. */
  constructor({ compression, dial, maxPayload, send, url, way }: UpgradeRequest, attempt: Attempt) {
    const headers = { ...dial.headers }
    const own = { headers, maxPayload, perMessageDeflate: compression, followRedirects: false, finishRequest: send }
    super(url, dial.subprotocols as Array<string>, { ...way, ...own })
    this.attempt = attempt
  }

  /**
   * `ws` hands itself the upgraded socket by this method. Where nothing is
   * compressed, we take the socket over and `ws` is done. A version of `ws` that
   * does not call it reports `open`, and reads and writes itself.
   */
  setSocket(socket: Net.Socket, head: Buffer, options: unknown): void {
    if (this.extensions === "") this.attempt?.upgradedPlain(socket, head, this.protocol)
    else (WebSocket.prototype as unknown as Upgradable).setSocket.call(this, socket, head, options)
  }

  // The link gets frames from the same turn as the upgrade, so it misses none.
  becomes(link: NodeLink, socket: Net.Socket): void {
    this.attempt = undefined
    this.link = link
    this.#socket = socket
  }

  sendPing(payload: Uint8Array, onWritten?: () => void): void {
    this.ping(payload, true, onWritten)
  }

  hold(): void {
    this.#socket?.cork()
  }

  release(): void {
    this.#socket?.uncork()
  }

  sendFrame(frame: Frame, onWritten?: () => void): number {
    this.send(frame, onWritten)
    const socket = this.#socket!
    if (socket.writableCorked > 0 && socket.writableLength >= enough) {
      socket.uncork()
      socket.cork()
    }
    return Buffer.byteLength(frame)
  }

  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const { attempt, link } = this
    if (link !== undefined) passToLink(link, event, first, second)
    else if (attempt !== undefined) passToAttempt(attempt, this, event, first, second)
    return true
  }
}

/** What `ws` does not declare of itself. */
interface Upgradable {
  setSocket(socket: Net.Socket, head: Buffer, options: unknown): void
}

const passToLink = (link: NodeLink, event: string | symbol, first: unknown, second: unknown): void => {
  switch (event) {
    case "message":
      return second === true ? link.binary(first as Buffer) : link.text(String(first), (first as Buffer).length)
    case "ping":
      return link.pinged(first as Buffer)
    case "pong":
      return link.ponged(first as Buffer)
    case "error":
      return link.failed(first)
    case "close":
      return link.closed(first as number, String(second))
  }
}

const passToAttempt = (
  attempt: Attempt,
  client: Client,
  event: string | symbol,
  first: unknown,
  second: unknown
): void => {
  switch (event) {
    case "upgrade":
      return attempt.upgraded(first as Http.IncomingMessage)
    case "open":
      return attempt.opened(client)
    case "unexpected-response":
      return attempt.refused(second as Http.IncomingMessage)
    case "error":
      return attempt.failed(first as Error)
  }
}

export class Attempt implements HandshakeOwner {
  readonly #request: UpgradeRequest
  readonly #receiver: Receiver
  /** Takes the outcome; `undefined` once it has, or when the dial was given up. */
  #resume: ((outcome: DialResult) => void) | undefined
  /** What there is to terminate: a dial under way, or what it became. */
  #client: { terminate(): void } | undefined = undefined
  /** Ends a proxy that never answers; direct dials need none. */
  #abort: AbortController | undefined = undefined
  #tunnelled: boolean
  #phase: ConnectionError.DialPhase | undefined = undefined
  #socket: Net.Socket | undefined = undefined

  constructor(request: UpgradeRequest, receiver: Receiver, resume: (outcome: DialResult) => void) {
    this.#request = request
    this.#receiver = receiver
    this.#resume = resume
    this.#tunnelled = request.proxy === undefined
  }

  /** Throws what `ws` and Node throw for a request that cannot be built. Returns what gives the dial up. */
  start(): () => void {
    const { proxy, url } = this.#request
    this.enter(Phases.first(url, proxy !== undefined))
    const request = proxy === undefined ? this.#straight() : this.#through(proxy)
    this.#client = request.compression === false ? new Handshake(request, this) : new Client(request, this)
    return () => this.#dispose()
  }

  /** The next phase begins. */
  enter(phase: ConnectionError.DialPhase): void {
    if (this.#resume === undefined) return
    this.#phase = phase
    this.#receiver.dialPhase?.(phase)
  }

  #dispose(): void {
    this.#resume = undefined
    if (!this.#tunnelled) this.#abort?.abort()
    this.#client?.terminate()
  }

  #straight(): UpgradeRequest {
    const { reached } = this.#receiver
    if (reached === undefined) return this.#request
    const send: typeof Phases.send = (request, sender) => {
      this.#watch(request, reached)
      Phases.send(request, sender)
    }
    return { ...this.#request, send }
  }

  /** Reports every step towards the server. */
  #watch(request: Http.ClientRequest, reached: () => void): void {
    const secure = this.#request.url.protocol === "wss:"
    request.once("socket", (socket) => {
      socket.once("connect", reached)
      if (secure) socket.once("secureConnect", reached)
    })
  }

  #through(proxy: URL): UpgradeRequest {
    const { url, way } = this.#request
    const { reached } = this.#receiver
    const abort = new AbortController()
    this.#abort = abort
    const agent = Proxy.agent(proxy, { localAddress: way.localAddress, signal: abort.signal })
    const send: typeof Phases.send = (request, sender) => {
      request.once("proxyConnect", ({ statusCode }: { readonly statusCode: number }) => this.#proxyAnswered(statusCode))
      if (reached !== undefined) request.once("proxyConnect", reached)
      Phases.send(request, sender)
    }
    return { ...this.#request, send, way: { ...way, secureEndpoint: url.protocol === "wss:", agent } }
  }

  #proxyAnswered(status: number): void {
    this.#tunnelled = true
    this.#abort = undefined
    if (status === 200) return this.enter(Phases.connected(this.#request.url))
    this.#settle(Effect.fail(DialErrors.ofProxyStatus(this.#request.dial, status)))
    this.#client?.terminate()
  }

  upgraded(response: Http.IncomingMessage): void {
    this.#socket = response.socket
  }

  /** The socket is open, and `ws` has left it to us. */
  upgradedPlain(socket: Net.Socket, head: Buffer, protocol: string): void {
    const { dial, maxPayload } = this.#request
    const wire = new FrameSocket(socket, protocol, maxPayload, this.#receiver.lazyText !== undefined)
    const link = new NodeLink(wire, socket, dial, this.#receiver)
    this.#client = wire
    this.#socket = undefined
    wire.start(link, head)
    this.#settle(Effect.succeed(link))
  }

  /** The socket is open, and `ws` reads and writes it. */
  opened(client: Client): void {
    const socket = this.#socket
    if (socket === undefined) return
    const link = new NodeLink(client, socket, this.#request.dial, this.#receiver)
    client.becomes(link, socket)
    this.#socket = undefined
    this.#settle(Effect.succeed(link))
  }

  refused(response: Http.IncomingMessage): void {
    const { dial } = this.#request
    Rejection.read(response, (rejection) => {
      this.#settle(
        Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fail(Rejection.toError(dial, rejection, now)))
      )
      this.#client?.terminate()
    })
  }

  failed(error: Error): void {
    const { dial, proxy } = this.#request
    this.#settle(
      Effect.fail(
        this.#tunnelled || proxy === undefined
          ? DialErrors.ofDial(dial, error, this.#phase)
          : DialErrors.ofProxy(dial, proxy, error)
      )
    )
  }

  #settle(outcome: DialResult): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.(outcome)
  }
}
