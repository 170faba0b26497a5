/**
 * The servers of a `TestNetwork`: what they see of a dial, what they may answer,
 * and what a script can do with a socket. `TestNetwork` exports all of it too.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as ConnectionError from "../ConnectionError.ts"
import type { Frame } from "../Message.ts"

/**
 * A dial, as the server sees it. It holds what the client sent, secrets included.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  /** Numbers the dials of a network: 1, 2, 3… */
  readonly id: number
  /** When it was dialed, in milliseconds of the test's clock. */
  readonly at: number
  readonly connection: string
  readonly epoch: number
  readonly url: string
  readonly subprotocols: ReadonlyArray<string>
  readonly headers: Readonly<Record<string, string>>
}

/**
 * What a server may say to a dial. Make one with `accept`, `reject`, `refuse`,
 * `failTls` or `hang`.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer =
  | { readonly _tag: "Accept"; readonly protocol: string | undefined }
  | {
      readonly _tag: "Reject"
      readonly status: number
      readonly retryAfter: Duration.Input | undefined
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  | { readonly _tag: "Refuse"; readonly kind: ConnectionError.DialFailure }
  | { readonly _tag: "TlsFailure"; readonly code: string }
  | { readonly _tag: "Hang" }

/**
 * How a socket ended, as the server sees it.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerEnd =
  | { readonly _tag: "Closed"; readonly code: number; readonly reason: string; readonly initiator: "server" | "client" }
  | { readonly _tag: "Dropped" }

/**
 * Callbacks for a peer that answers without a fiber. `frame` claims data
 * frames: they no longer reach `receive` and `frames`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handlers {
  readonly frame?: ((frame: Frame) => void) | undefined
  readonly ping?: ((payload: Uint8Array) => void) | undefined
  readonly pong?: ((payload: Uint8Array) => void) | undefined
  /** The client's close frame, whether it came first or as an answer. */
  readonly close?: ((code: number, reason: string) => void) | undefined
  readonly ended?: ((end: PeerEnd) => void) | undefined
}

/**
 * The server's end of one socket. Once the socket is over, what needs it fails
 * with `Cause.Done`, which ends a script quietly. Pings are answered for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer {
  /** The number of its request. */
  readonly id: number
  readonly request: Request
  /** The subprotocol that was chosen, or `""`. */
  readonly protocol: string
  /** The next data frame. What arrived before the end is still received. */
  readonly receive: Effect.Effect<Frame, Cause.Done>
  /** Data frames until the socket is over. */
  readonly frames: Stream.Stream<Frame>
  /** Sends one frame or several; waits while the client does not keep up. */
  readonly send: (frames: Frame | ReadonlyArray<Frame>) => Effect.Effect<void, Cause.Done>
  /** Sends without waiting and outside an Effect; `false` when the socket is over. */
  readonly sendUnsafe: (frames: ReadonlyArray<Frame>) => boolean
  /** Sends the first half of a message; the inner effect sends the rest. */
  readonly begin: (frame: Frame) => Effect.Effect<Effect.Effect<void>>
  readonly ping: (payload?: Uint8Array) => Effect.Effect<void>
  /** Starts the closing handshake. Default: 1000 and no reason; 1005 sends no code. */
  readonly close: (code?: number, reason?: string) => Effect.Effect<void>
  /** Cuts the socket without a closing handshake. */
  readonly reset: Effect.Effect<void>
  /** Lets this many more frames arrive, then cuts the socket. */
  readonly cutAfter: (frames: number) => Effect.Effect<void>
  /** Stops reading, so that the client feels backpressure. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  readonly listen: (handlers: Handlers) => Effect.Effect<void>
  readonly ended: Effect.Effect<PeerEnd>
}

/**
 * What a server does with each socket that it accepted. When it returns, the
 * socket stays open; when it fails, the socket is closed with 1011.
 *
 * @category models
 * @since 0.1.0
 */
export type Script<E = never, R = never> = (peer: Peer) => Effect.Effect<unknown, E, R>

/**
 * Options of `serve`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServeOptions<R = never> {
  /** The subprotocols it speaks, best first; the first that the client offers too is chosen. Default: none. */
  readonly subprotocols?: ReadonlyArray<string> | undefined
  /** Decides about each dial, and may take its time. Default: accept. */
  readonly answer?: ((request: Request) => Effect.Effect<Answer, never, R>) | undefined
  /** The phase in which a dial is lost on its way: it hangs, and the server never hears of it. Default: none is. */
  readonly lostIn?: ((request: Request) => ConnectionError.DialPhase | undefined) | undefined
}

/**
 * A server in the network.
 *
 * @category models
 * @since 0.1.0
 */
export interface Server {
  readonly url: string
  /** The next socket that it accepts, or has accepted and nobody took here. */
  readonly accepted: Effect.Effect<Peer>
  /** Sockets that are open on its side. */
  readonly connections: Effect.Effect<ReadonlyArray<Peer>>
  /** Every dial that has reached it. */
  readonly dials: Effect.Effect<ReadonlyArray<Request>>
  /** Cuts its sockets; dials are refused from now on. `network.serve` starts it again. */
  readonly stop: Effect.Effect<void>
}

/**
 * A script that sends every data frame back.
 *
 * @category scripts
 * @since 0.1.0
 */
export const echo = (peer: Peer): Effect.Effect<void> =>
  peer.listen({ frame: (frame) => void peer.sendUnsafe([frame]) })

/**
 * A script that never says anything.
 *
 * @category scripts
 * @since 0.1.0
 */
export const silent = (_peer: Peer): Effect.Effect<void> => Effect.void

/**
 * Accept the dial, with this subprotocol. Default: the one that the server's
 * `subprotocols` yield.
 *
 * @category answers
 * @since 0.1.0
 */
export const accept = (protocol?: string): Answer => ({ _tag: "Accept", protocol })

/**
 * Answer the upgrade with an HTTP status.
 *
 * @category answers
 * @since 0.1.0
 */
export const reject = (
  status: number,
  options?: {
    readonly retryAfter?: Duration.Input | undefined
    readonly headers?: Readonly<Record<string, string>> | undefined
    readonly body?: string | undefined
  }
): Answer => ({
  _tag: "Reject",
  status,
  retryAfter: options?.retryAfter,
  headers: options?.headers ?? {},
  body: options?.body ?? ""
})

/**
 * Let nothing listen.
 *
 * @category answers
 * @since 0.1.0
 */
export const refuse = (kind: ConnectionError.DialFailure = "refused"): Answer => ({ _tag: "Refuse", kind })

/**
 * Let the TLS handshake fail. Default code: `CERT_HAS_EXPIRED`.
 *
 * @category answers
 * @since 0.1.0
 */
export const failTls = (code = "CERT_HAS_EXPIRED"): Answer => ({ _tag: "TlsFailure", code })

/**
 * Take the dial and never answer.
 *
 * @category answers
 * @since 0.1.0
 */
export const hang: Answer = { _tag: "Hang" }
