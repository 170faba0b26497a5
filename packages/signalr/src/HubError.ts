/**
 * Every way a hub connection can fail beyond the core's `ConnectionError`s, as
 * tagged errors, so that `Effect.catchTag` works on each. The tree:
 *
 * ```text
 * HubConnectionError   these, and the core's ConnectionErrors
 * ├─ NegotiateError   NegotiateRejected · NegotiateRefused · NegotiateMalformed · NegotiateUnreachable ·
 * │                   NegotiateTimeout · TooManyRedirects · NoSupportedTransport
 * ├─ HandshakeFailed
 * ├─ ProtocolViolation
 * ├─ ServerClosed     the server said goodbye, with or without an error
 * └─ ServerTimeout
 * CallError           HubMethodError · InvocationCancelled · ArgumentError · ResultError · (StreamOverflow)
 * ```
 *
 * Texts that a server chose to show (`error`) appear in messages, never tokens, queries, header values or payloads.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type { ConnectionError, ForeignCause } from "kharbranth/ConnectionError"
import * as Reconnect from "kharbranth/Reconnect"

/**
 * Where in a value something is wrong, as keys.
 *
 * @category models
 * @since 0.1.0
 */
export type ErrorPath = ReadonlyArray<PropertyKey>

const tagged = /* @__NO_SIDE_EFFECTS__ */ <Tag extends string>(tag: Tag) => Data.TaggedError(tag)

const at = (path: ErrorPath): string => (path.length === 0 ? "" : ` at ${path.map(String).join(".")}`)

/**
 * The server answered the negotiation with an HTTP status other than 200.
 *
 * @category errors
 * @since 0.1.0
 */
export class NegotiateRejected extends tagged("NegotiateRejected")<{
  readonly connection: string
  readonly endpoint: string
  readonly status: number
  /** The server's `Retry-After`, when it sent one. */
  readonly retryAfter: Duration.Duration | undefined
  /** Whether a token that was asked for again was refused too. */
  readonly renewed?: boolean | undefined
}> {
  override get message(): string {
    const hint =
      this.status === 404
        ? " There is no hub at this path, or a proxy does not pass it on."
        : this.status === 401 || this.status === 403
          ? " Check the token or the credentials."
          : ""
    return `Hub "${this.connection}": ${this.endpoint} refused to negotiate with status ${this.status}.${hint}`
  }
  /** What a reconnect policy that has no rule of its own does. */
  get decision(): Reconnect.Decision {
    const { renewed, retryAfter, status } = this
    if (status === 401 && renewed === true) return Reconnect.stop
    if (status === 401 || status === 403) return Reconnect.refresh
    if (status < 500 && status !== 408 && status !== 429) return Reconnect.stop
    if (retryAfter === undefined) return Reconnect.retry
    return Reconnect.retryAfter(Duration.min(retryAfter, Duration.seconds(60)))
  }
}

/**
 * The negotiation was answered with an error text.
 *
 * @category errors
 * @since 0.1.0
 */
export class NegotiateRefused extends tagged("NegotiateRefused")<{
  readonly connection: string
  readonly endpoint: string
  /** The server's words. */
  readonly error: string
}> {
  override get message(): string {
    return `Hub "${this.connection}": ${this.endpoint} does not want this connection: ${this.error}`
  }
}

/**
 * The answer to the negotiation is not what a hub says.
 *
 * @category errors
 * @since 0.1.0
 */
export class NegotiateMalformed extends tagged("NegotiateMalformed")<{
  readonly connection: string
  readonly endpoint: string
  readonly kind: "legacy" | "body" | "stateful"
  readonly issue: string
}> {
  override get message(): string {
    return `Hub "${this.connection}": cannot use the negotiation of ${this.endpoint}: ${this.issue}.`
  }
  /** Asking again would give the same. */
  readonly decision: Reconnect.Decision = Reconnect.stop
}

/**
 * The negotiation request got no answer at all.
 *
 * @category errors
 * @since 0.1.0
 */
export class NegotiateUnreachable extends tagged("NegotiateUnreachable")<{
  readonly connection: string
  readonly endpoint: string
  readonly cause: ForeignCause
}> {
  override get message(): string {
    return `Hub "${this.connection}": the negotiation with ${this.endpoint} got no answer (${this.cause.label ?? "unknown"}).`
  }
}

/**
 * The negotiation took too long.
 *
 * @category errors
 * @since 0.1.0
 */
export class NegotiateTimeout extends tagged("NegotiateTimeout")<{
  readonly connection: string
  readonly endpoint: string
  readonly after: Duration.Duration
}> {
  override get message(): string {
    return `Hub "${this.connection}": ${this.endpoint} did not finish the negotiation within ${Duration.format(
      this.after
    )}.`
  }
}

/**
 * Negotiation was sent from place to place without end.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyRedirects extends tagged("TooManyRedirects")<{
  readonly connection: string
  readonly hops: number
}> {
  override get message(): string {
    return `Hub "${this.connection}": the negotiation was redirected ${this.hops} times without an end. Two endpoints probably point at each other.`
  }
  /** Asking again would give the same. */
  readonly decision: Reconnect.Decision = Reconnect.stop
}

/**
 * One transport that was offered or tried, and why it is not in use.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransportRefusal {
  readonly transport: string
  readonly reason: string
}

/**
 * No transport works for both sides.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSupportedTransport extends tagged("NoSupportedTransport")<{
  readonly connection: string
  readonly refusals: ReadonlyArray<TransportRefusal>
}> {
  override get message(): string {
    const why = this.refusals.map((refusal) => `${refusal.transport}: ${refusal.reason}`).join("; ")
    const all = why === "" ? " (it offers none)" : `: ${why}`
    return `Hub "${this.connection}": none of the server's transports can be used${all}.`
  }
  /** Asking again would give the same. */
  readonly decision: Reconnect.Decision = Reconnect.stop
}

/**
 * The server refused the handshake, or answered it with something else.
 *
 * @category errors
 * @since 0.1.0
 */
export class HandshakeFailed extends tagged("HandshakeFailed")<{
  readonly connection: string
  readonly kind: "refused" | "malformed" | "timeout"
  /** The server's words, or what is wrong with the answer. */
  readonly issue: string
}> {
  override get message(): string {
    return this.kind === "refused"
      ? `Hub "${this.connection}": the server refused the handshake: ${this.issue}`
      : `Hub "${this.connection}": the answer to the handshake cannot be used: ${this.issue}.`
  }
}

/**
 * The server sent something the hub protocol does not allow. What came before
 * it was delivered; nothing after it is believed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProtocolViolation extends tagged("ProtocolViolation")<{
  readonly connection: string
  /** `"json"`, `"messagepack"`, … */
  readonly protocol: string
  readonly issue: string
}> {
  override get message(): string {
    return `Hub "${this.connection}": the server broke the ${this.protocol} hub protocol: ${this.issue}.`
  }
}

/**
 * The server closed the connection and said so.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerClosed extends tagged("ServerClosed")<{
  readonly connection: string
  /** The server's words, when it gave any. */
  readonly error: string | undefined
  readonly allowReconnect: boolean
}> {
  override get message(): string {
    const why = this.error === undefined ? "" : ` with an error: ${this.error}`
    return `Hub "${this.connection}": the server closed the connection${why}${
      this.allowReconnect ? " (reconnecting is welcome)" : ""
    }.`
  }
}

/**
 * Nothing arrived for longer than a living server stays silent.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerTimeout extends tagged("ServerTimeout")<{
  readonly connection: string
  readonly after: Duration.Duration
}> {
  override get message(): string {
    return `Hub "${this.connection}": the server was silent for ${Duration.format(
      this.after
    )}. \`serverTimeout\` should be at least twice the server's keep-alive interval.`
  }
}

/**
 * A hub method failed on the server.
 *
 * @category errors
 * @since 0.1.0
 */
export class HubMethodError extends tagged("HubMethodError")<{
  readonly connection: string
  readonly method: string
  /** The server's words. */
  readonly error: string
}> {
  override get message(): string {
    return `Hub "${this.connection}": method ${this.method} failed on the server: ${this.error}`
  }
}

/**
 * A call ended without an answer. Whether the server ran it is unknown when
 * `sent` is true.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvocationCancelled extends tagged("InvocationCancelled")<{
  readonly connection: string
  readonly method: string
  readonly sent: boolean
  /** What ended it, or kept it from being sent. */
  readonly cause: HubConnectionError
}> {
  override get message(): string {
    const fate = this.sent ? "It was sent, so the server may have run it." : "It was not sent."
    return `Hub "${this.connection}": the call of ${this.method} got no answer (${this.cause._tag}). ${fate}`
  }
}

/**
 * An argument does not fit the contract, or cannot be put on the wire. Nothing
 * was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class ArgumentError extends tagged("ArgumentError")<{
  readonly connection: string
  readonly method: string
  /** The argument's position, then the way inside it. */
  readonly path: ErrorPath
  readonly issue: string
}> {
  override get message(): string {
    return `Hub "${this.connection}": ${this.method} was not called: the arguments do not fit${at(
      this.path
    )}: ${this.issue}`
  }
}

/**
 * What the server sent does not fit the contract.
 *
 * @category errors
 * @since 0.1.0
 */
export class ResultError extends tagged("ResultError")<{
  readonly connection: string
  readonly method: string
  readonly part: "result" | "item" | "event"
  /** The way inside the value. */
  readonly path: ErrorPath
  readonly issue: string
}> {
  override get message(): string {
    return `Hub "${this.connection}": the ${this.part} of ${this.method} does not fit the contract${at(
      this.path
    )}: ${this.issue}`
  }
}

/**
 * A stream's reader was too slow: more items wait than may, and the server
 * could not be held back. The stream was cancelled; the connection lives.
 *
 * @category errors
 * @since 0.1.0
 */
export class StreamOverflow extends tagged("StreamOverflow")<{
  readonly connection: string
  readonly method: string
  /** How many items waited. */
  readonly items: number
}> {
  override get message(): string {
    return `Hub "${this.connection}": the stream ${this.method} was cancelled: ${this.items} items waited and its reader took none. Read faster, or raise \`streamBuffer\`.`
  }
}

/**
 * Why a negotiation failed.
 *
 * @category models
 * @since 0.1.0
 */
export type NegotiateError =
  | NegotiateRejected
  | NegotiateRefused
  | NegotiateMalformed
  | NegotiateUnreachable
  | NegotiateTimeout
  | TooManyRedirects
  | NoSupportedTransport

/**
 * Why a call failed.
 *
 * @category models
 * @since 0.1.0
 */
export type CallError = HubMethodError | InvocationCancelled | ArgumentError | ResultError

/**
 * Why a stream failed.
 *
 * @category models
 * @since 0.1.0
 */
export type StreamError = CallError | StreamOverflow

/**
 * Why a hub connection failed, ended or gave up.
 *
 * @category models
 * @since 0.1.0
 */
export type HubConnectionError =
  | ConnectionError
  | NegotiateError
  | HandshakeFailed
  | ProtocolViolation
  | ServerClosed
  | ServerTimeout
