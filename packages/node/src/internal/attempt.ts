/**
 * One dial under way: the `ws` client from construction until its upgrade is
 * answered. Settles once; disposing it at any moment leaves no socket behind.
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
  readonly proxy: URL | undefined
  readonly options: ClientOptions
}

/** What a dial's scope keeps: the attempt, and once that is open the socket alone. */
export class Hold {
  #attempt: Attempt | undefined = undefined
  #ws: WebSocket | undefined = undefined

  dialing(attempt: Attempt): void {
    this.#attempt = attempt
  }

  opened(ws: WebSocket): void {
    this.#attempt = undefined
    this.#ws = ws
  }

  letGo(): void {
    this.#attempt?.dispose()
    this.#ws?.terminate()
  }
}

export class Attempt {
  readonly #hold: Hold
  readonly #plan: Plan
  readonly #receiver: Receiver
  readonly #ws: WebSocket
  /** Ends a proxy that never answers; direct dials need none. */
  #abort: AbortController | undefined = undefined
  #tunnelled: boolean
  #socket: Net.Socket | undefined = undefined
  #outcome: Outcome | undefined = undefined
  #waiter: ((outcome: Outcome) => void) | undefined = undefined

  /** Throws what `ws` and Node throw for a request that cannot be built. */
  constructor(plan: Plan, receiver: Receiver, hold: Hold) {
    this.#hold = hold
    this.#plan = plan
    this.#receiver = receiver
    this.#tunnelled = plan.proxy === undefined
    this.#ws = new WebSocket(plan.dial.url, [...plan.dial.subprotocols], this.#options())
    this.#ws.on("upgrade", this.#onUpgrade)
    this.#ws.on("unexpected-response", this.#onRefused)
    this.#ws.on("open", this.#onOpen)
    this.#ws.on("error", this.#onError)
    hold.dialing(this)
  }

  /** Waits for the outcome; interrupting the wait abandons the dial. */
  readonly settled: Outcome = Effect.callback((resume) => {
    if (this.#outcome !== undefined) return resume(this.#outcome)
    this.#waiter = resume
    return Effect.sync(() => this.dispose())
  })

  dispose(): void {
    this.#waiter = undefined
    if (!this.#tunnelled) this.#abort?.abort()
    this.#ws.terminate()
  }

  #options(): ClientOptions {
    const { options, proxy } = this.#plan
    if (proxy === undefined) return options
    const abort = new AbortController()
    this.#abort = abort
    return {
      ...options,
      agent: Proxy.agent(proxy, { localAddress: options.localAddress, signal: abort.signal }),
      finishRequest: (request: Http.ClientRequest) => {
        request.once("proxyConnect", this.#onTunnel)
        request.end()
      }
    }
  }

  readonly #onTunnel = ({ statusCode }: { readonly statusCode: number }): void => {
    this.#tunnelled = true
    this.#abort = undefined
    if (statusCode === 200) return
    this.#settle(Effect.fail(Failure.ofProxyStatus(this.#plan.dial, statusCode)))
    this.#ws.terminate()
  }

  readonly #onUpgrade = (response: Http.IncomingMessage): void => {
    this.#socket = response.socket
  }

  // Listening starts in the same turn as the upgrade, so no frame can slip by.
  readonly #onOpen = (): void => {
    if (this.#socket === undefined) return
    const link = new NodeLink(this.#ws, this.#socket, this.#plan.dial, this.#receiver)
    this.#ws.off("upgrade", this.#onUpgrade)
    this.#ws.off("unexpected-response", this.#onRefused)
    this.#ws.off("open", this.#onOpen)
    this.#ws.off("error", this.#onError)
    this.#socket = undefined
    this.#hold.opened(this.#ws)
    this.#settle(Effect.succeed(link))
  }

  readonly #onRefused = (_request: Http.ClientRequest, response: Http.IncomingMessage): void => {
    const { dial } = this.#plan
    Rejection.read(response, (rejection) => {
      this.#settle(
        Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fail(Rejection.toError(dial, rejection, now)))
      )
      this.#ws.terminate()
    })
  }

  readonly #onError = (error: Error): void => {
    const { dial, proxy } = this.#plan
    this.#settle(
      Effect.fail(
        this.#tunnelled || proxy === undefined ? Failure.ofDial(dial, error) : Failure.ofProxy(dial, proxy, error)
      )
    )
  }

  #settle(outcome: Outcome): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    this.#waiter?.(outcome)
    this.#waiter = undefined
  }
}
