/**
 * One dial under way: the `ws` client from construction until its upgrade is
 * answered. Settles once; disposing it at any moment leaves no socket behind.
 *
 * Ten thousand dials feel what each costs: the client hears its own events and
 * passes them on, to the attempt until it is open and to the link from then on.
 */
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import type * as Net from "node:net"
import { WebSocket } from "ws"
import * as Failure from "../link/errors.ts"
import { NodeLink } from "../link/nodeLink.ts"
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

/**
 * A `ws` client that knows whose it is, a dial under way and then a link, and
 * tells it at once: listeners would be looked up for every message, and kept
 * for every client.
 */
class Client extends WebSocket {
  attempt: Attempt | undefined = undefined
  link: NodeLink | undefined = undefined

  /** Throws what `ws` and Node throw for a request that cannot be built. */
  constructor({ dial, options, url }: Plan, attempt: Attempt) {
    super(url, dial.subprotocols as Array<string>, options)
    this.attempt = attempt
  }

  // Frames are heard from the same turn as the upgrade, so none can slip by.
  becomes(link: NodeLink): void {
    this.attempt = undefined
    this.link = link
  }

  letGo(): void {
    this.attempt?.abandon()
    this.terminate()
  }

  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const { attempt, link } = this
    if (link !== undefined) tellLink(link, event, first, second)
    else if (attempt !== undefined) tellAttempt(attempt, this, event, first, second)
    return true
  }
}

const tellLink = (link: NodeLink, event: string | symbol, first: unknown, second: unknown): void => {
  switch (event) {
    case "message":
      return link.message(first as Buffer, second as boolean)
    case "ping":
      return link.pinged(first as Buffer)
    case "pong":
      return link.ponged(first as Buffer)
    case "error":
      return link.failed(first as Error)
    case "close":
      return link.closed(first as number, second as Buffer)
  }
}

const tellAttempt = (
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
    const { options, url } = this.#plan
    const abort = new AbortController()
    this.#abort = abort
    const tunnelling: ClientOptions = {
      ...options,
      secureEndpoint: url.protocol === "wss:",
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
