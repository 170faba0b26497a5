/**
 * The seam to the outside. A transport dials a resolved target into a `Link`:
 * one open socket, as the core sees it. The core knows nothing else about
 * sockets, so a new transport is a small file: one function that dials, one
 * object with a few synchronous verbs, and a conformance suite to run.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as ConnectionError from "./ConnectionError.ts"
import type { Pinging } from "./Heartbeat.ts"
import * as internal from "./internal/transport/fromCallback.ts"
import * as Headers from "./internal/transport/headers.ts"
import * as Pausing from "./internal/transport/backpressure.ts"
import type { Frame, LazyText } from "./Message.ts"

/**
 * Everything a transport needs for one dial. Values are resolved and validated;
 * they may hold secrets, so nothing of a `Dial` but `connection`, `epoch` and
 * `ConnectionError.endpointOf(url)` may reach an error, a log or a span.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dial {
  /** The connection's name, for error messages. */
  readonly connection: string
  /** The number of the session that is dialed. */
  readonly epoch: number
  /** An absolute `ws:` or `wss:` url. */
  readonly url: string
  readonly subprotocols: ReadonlyArray<string>
  readonly headers: Readonly<Record<string, string>>
  /** The largest inbound message in bytes; a larger one ends the link with `MessageTooLarge`. */
  readonly maxMessageSize: number
  /** Whether to offer compression. Only given where the transport has the capability. Default: as it does otherwise. */
  readonly compression?: boolean | undefined
  /**
   * Once `buffered()` has reached `high`, the transport calls `drained` when it
   * has fallen to `low` again.
   */
  readonly writeMark: { readonly high: number; readonly low: number }
  /**
   * The connection has a session that this one may replace, because its socket is
   * old or silent: a transport that shares sockets does not give it the same one.
   */
  readonly successor?: boolean | undefined
}

/**
 * Where a link delivers. Every method is synchronous and cheap and never
 * throws; the transport calls them straight from its socket callbacks.
 *
 * Contract: nothing but `dialPhase` is called before the dial effect has created the socket,
 * `ended` is called exactly once for a link that was opened, and nothing is
 * called after `ended`. Frames received before the end are delivered before it.
 * A dial that fails reports through its effect and never calls `ended`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Receiver {
  /** A data frame; `size` is its length in bytes on the wire (payload only). */
  frame(frame: Frame, size: number): void
  /**
   * Present where the codec looks at text before it reads it. A transport that
   * has the bytes of a text, and has checked that they are UTF-8, may deliver it
   * here; it may always deliver a string to `frame`.
   */
  readonly lazyText?: ((text: LazyText, size: number) => void) | undefined
  /**
   * The other side of a dial under way has shown itself: it took the TCP
   * connection, say, or the proxy answered. Present where the policies ask for
   * it. A transport that cannot see this never calls it; a dial is then silent
   * until it opens.
   */
  readonly reached?: (() => void) | undefined
  /** The server's ping came, and the transport has answered it. Not called where the platform hides pings. */
  ping(payload: Uint8Array): void
  pong(payload: Uint8Array): void
  /** `buffered()` fell to the low mark after having reached the high one. */
  drained(): void
  /**
   * A phase of the dial begins. It may be called while the dial is under way, and
   * only then; a transport that does not call it leaves the phase at `connect`.
   */
  readonly dialPhase?: ((phase: ConnectionError.DialPhase) => void) | undefined
  /** The socket is gone, for this reason. */
  ended(error: ConnectionError.LinkError): void
}

/**
 * One open socket. It lives in the Scope it was dialed in; closing that scope
 * terminates whatever is left of it. No method throws; a failure to write is
 * reported through `Receiver.ended`. After the end every method is a no-op.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /** The subprotocol the server chose, or `""`. */
  readonly protocol: string
  /**
   * Writes frames in order, as few packets as possible. Returns at once: how many bytes of payload they have, where the
   * transport knows that from encoding them. The core counts them otherwise.
   */
  write(frames: ReadonlyArray<Frame>): number | void
  /** Writes a ping frame. Only called when the transport can ping. */
  ping(payload: Uint8Array): void
  /** Bytes accepted by `write` that have not left the process. */
  buffered(): number
  /**
   * A number that grows whenever anything arrives: bytes off the wire where the
   * transport can see them (capability `bytes`), frames elsewhere.
   */
  received(): number
  /** Stops reading from the socket. Only called when the transport has the `pause` capability. */
  pause(): void
  resume(): void
  /** Starts the closing handshake; `ended` follows when it is done. The core bounds the wait. */
  close(code: number, reason: string): void
  /** Destroys the socket now. `ended` follows promptly. */
  terminate(): void
}

/**
 * Checks the headers that a user gave, at construction where they are known
 * then. An issue says where it is and what would be right, never a value.
 *
 * @category models
 * @since 0.1.0
 */
export type CheckHeaders = (
  headers: unknown
) => Result.Result<
  Readonly<Record<string, string>>,
  { readonly path: ReadonlyArray<string | number>; readonly issue: string }
>

/**
 * What an upgrade over HTTP may carry: tokens as names, no line breaks in a
 * value, nothing that belongs to the handshake itself. A `Redacted` value is
 * revealed.
 *
 * @category capabilities
 * @since 0.1.0
 */
export const httpHeaders: CheckHeaders = Headers.check

declare const made: unique symbol

/**
 * What holds the links of a transport back. Opaque: `backpressure` is the one
 * there is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Backpressure {
  /** Nobody else can make one. */
  readonly [made]: true
}

/**
 * Pauses a connection's links while its inbox is full, for `maxStall` at most.
 * It is the capability `pause` itself, so that only programs whose links can
 * pause carry it.
 *
 * @category capabilities
 * @since 0.1.0
 */
export const backpressure: Backpressure = Pausing.backpressure

/**
 * What a transport can do on its platform.
 *
 * @category models
 * @since 0.1.0
 */
export interface Capabilities {
  /**
   * Can send ping frames and sees pongs: `Heartbeat.ping()`, or whatever pings
   * suit a connection that names no heartbeat. `false` where it cannot.
   */
  readonly ping: Pinging | false
  /** Can stop reading, so that the peer feels it: `backpressure`, or not. */
  readonly pause: Backpressure | false
  /** Which request headers it can send with the upgrade: `httpHeaders`, or none. */
  readonly headers: CheckHeaders | false
  /** `received()` counts bytes off the wire, so a large message that drips in is seen as life. */
  readonly bytes: boolean
  /** Can offer compression for one connection and not for another. Default: false. */
  readonly compression?: boolean | undefined
  /**
   * Dials a second socket to a server while a first one is on its way. Browsers
   * make the second wait for the first. Default: true.
   */
  readonly concurrentDials?: boolean | undefined
}

/**
 * The service that dials. Provide one of `NodeTransport.layer`,
 * `BrowserTransport.layer`, `TestNetwork`'s, or your own.
 *
 * The dial effect must be interruptible at any point and leave nothing behind
 * when it is. It has no deadline of its own: the core bounds it.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Service<
  Transport,
  {
    /** A short name for logs: `"ws"`, `"browser"`, … */
    readonly name: string
    readonly capabilities: Capabilities
    readonly dial: (dial: Dial, receiver: Receiver) => Effect.Effect<Link, ConnectionError.DialError, Scope.Scope>
    /**
     * Names the way out that dials to an origin take, such as a proxy or a local
     * address: a server counts each by itself, and so does a dial budget. It is
     * shown, so it names no secret. Default: there is only one way.
     */
    readonly egress?: ((origin: string) => string | undefined) | undefined
  }
>()("kharbranth/Transport") {}

/**
 * A dial as a callback: begins to dial and gives the outcome to `resume`, once,
 * perhaps before it returns. Returns how to let go of whatever there is: it
 * abandons the dial, or terminates the socket. That may be called at any time,
 * and more than once; afterwards `resume` is not called any more. It must not
 * throw. A connection forgets it once there is a link, which ends by `terminate`.
 *
 * @category models
 * @since 0.1.0
 */
export type Open = (
  dial: Dial,
  receiver: Receiver,
  resume: (outcome: Effect.Effect<Link, ConnectionError.DialError>) => void
) => () => void

/**
 * Makes a transport's `dial` of a callback, as most platforms have one. The
 * core then spares each dial its fiber, which ten thousand connections feel.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromCallback: (open: Open) => Transport["Service"]["dial"] = internal.fromCallback
