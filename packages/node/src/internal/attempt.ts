/**
 * One dial under way: the `ws` client from construction until its upgrade is
 * answered. Settles once; disposing it at any moment leaves no socket behind.
 *
 * Ten thousand dials feel what each costs: the listeners are one set for all,
 * which finds its attempt or its link in the client, and none is taken off when
 * a dial becomes a link.
 */
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import type * as Net from "node:net"
import { WebSocket } from "ws"
import * as Failure from "./failure.ts"
import { NodeLink } from "./link.ts"
import * as Proxy from "./proxy.ts"
import * as Rejection from "./rejection.ts"

type Outcome = Effect.Effect<Link, ConnectionError.DialError>

/** What `ws` gets; beyond its declared options it hands everything on to Node's request. */
export interface ClientOptions extends WebSocket.ClientOptions {
  readonly closeTimeout?: number
  readonly secureContext?: unknown
  readonly servername?: string
  readonly secureEndpoint?: boolean
}

export interface Plan {
  readonly dial: Dial
  readonly url: URL
  readonly proxy: URL | undefined
  readonly options: ClientOptions
}

/** A `ws` client that knows whose it is: a dial under way, and then a link. */
class Client extends WebSocket {
  attempt: Attempt | undefined = undefined
  link: NodeLink | undefined = undefined

  /** Throws what `ws` and Node throw for a request that cannot be built. */
  constructor({ dial, options, url }: Plan, attempt: Attempt) {
    super(url, dial.subprotocols as Array<string>, options)
    this.attempt = attempt
    this.on("upgrade", onUpgrade)
    this.on("unexpected-response", onRefused)
    this.on("open", onOpen)
    this.on("message", onMessage)
    this.on("ping", onPing)
    this.on("pong", onPong)
    this.on("error", onError)
    this.on("close", onClose)
  }

  // Listening starts in the same turn as the upgrade, so no frame can slip by.
  becomes(link: NodeLink): void {
    this.attempt = undefined
    this.link = link
  }

  letGo(): void {
    this.attempt?.abandon()
    this.terminate()
  }
}

function onUpgrade(this: WebSocket, response: Http.IncomingMessage): void {
  ;(this as Client).attempt?.upgraded(response)
}

function onRefused(this: WebSocket, _request: Http.ClientRequest, response: Http.IncomingMessage): void {
  ;(this as Client).attempt?.refused(response)
}

function onOpen(this: WebSocket): void {
  const client = this as Client
  client.attempt?.opened(client)
}

function onMessage(this: WebSocket, data: WebSocket.RawData, isBinary: boolean): void {
  ;(this as Client).link?.message(data as Buffer, isBinary)
}

function onPing(this: WebSocket, payload: Buffer): void {
  ;(this as Client).link?.pinged(payload)
}

function onPong(this: WebSocket, payload: Buffer): void {
  ;(this as Client).link?.ponged(payload)
}

function onError(this: WebSocket, error: Error): void {
  const { attempt, link } = this as Client
  if (link === undefined) attempt?.failed(error)
  else link.failed(error)
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  ;(this as Client).link?.closed(code, reason)
}

export class Attempt {
  readonly #plan: Plan
  readonly #receiver: Receiver
  /** What the outcome is told to; nothing once it was told, or nobody wants to know. */
  #resume: ((outcome: Outcome) => void) | undefined
  #client: Client | undefined = undefined
  /** Ends a proxy that never answers; direct dials need none. */
  #abort: AbortController | undefined = undefined
  #tunnelled: boolean
  #socket: Net.Socket | undefined = undefined

  constructor(plan: Plan, receiver: Receiver, resume: (outcome: Outcome) => void) {
    this.#plan = plan
    this.#receiver = receiver
    this.#resume = resume
    this.#tunnelled = plan.proxy === undefined
  }

  /** Throws what `ws` and Node throw for a request that cannot be built. Returns how to let go of it. */
  start(): () => void {
    const { proxy } = this.#plan
    const client = new Client(proxy === undefined ? this.#plan : this.#through(proxy), this)
    this.#client = client
    return () => client.letGo()
  }

  abandon(): void {
    this.#resume = undefined
    if (!this.#tunnelled) this.#abort?.abort()
  }

  #through(proxy: URL): Plan {
    const { options } = this.#plan
    const abort = new AbortController()
    this.#abort = abort
    const tunnelling: ClientOptions = {
      ...options,
      agent: Proxy.agent(proxy, { localAddress: options.localAddress, signal: abort.signal }),
      finishRequest: (request: Http.ClientRequest) => {
        request.once("proxyConnect", this.#onTunnel)
        request.end()
      }
    }
    return { ...this.#plan, options: tunnelling }
  }

  readonly #onTunnel = ({ statusCode }: { readonly statusCode: number }): void => {
    this.#tunnelled = true
    this.#abort = undefined
    if (statusCode === 200) return
    this.#settle(Effect.fail(Failure.ofProxyStatus(this.#plan.dial, statusCode)))
    this.#client?.terminate()
  }

  upgraded(response: Http.IncomingMessage): void {
    this.#socket = response.socket
  }

  opened(client: Client): void {
    if (this.#socket === undefined) return
    const link = new NodeLink(client, this.#socket, this.#plan.dial, this.#receiver)
    client.becomes(link)
    this.#socket = undefined
    this.#settle(Effect.succeed(link))
  }

  refused(response: Http.IncomingMessage): void {
    const { dial } = this.#plan
    Rejection.read(response, (rejection) => {
      this.#settle(
        Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fail(Rejection.toError(dial, rejection, now)))
      )
      this.#client?.terminate()
    })
  }

  failed(error: Error): void {
    const { dial, proxy } = this.#plan
    this.#settle(
      Effect.fail(
        this.#tunnelled || proxy === undefined ? Failure.ofDial(dial, error) : Failure.ofProxy(dial, proxy, error)
      )
    )
  }

  #settle(outcome: Outcome): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.(outcome)
  }
}
