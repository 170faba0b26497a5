/**
 * Every way a connection can fail, as a flat union of tagged errors, so that
 * `Effect.catchTag` works on each. The tree:
 *
 * ```text
 * ConnectionError
 * ├─ at the door        InvalidOptions · ConnectionExists · ConnectionNotFound
 * ├─ DialError          TargetFailed · DialFailed · TlsError · HandshakeRejected · (InvalidOptions)
 * ├─ dialing            DialTimeout
 * ├─ opening            OpenFailed · StartupTimeout
 * ├─ LinkError          ConnectionClosed · ConnectionDropped · ProtocolError · MessageTooLarge · ReadError · WriteError
 * ├─ liveness           PingFailed · PongReceiveTimeout · IdleTimeout
 * ├─ reading            ReaderBusy · DecodeError · InboxOverflow
 * ├─ sending            NotConnected · OutboxFull · SendExpired
 * └─ giving up          RetriesExhausted
 * ```
 *
 * No error carries a secret in any printed form: urls appear without query and
 * userinfo, and close reasons and foreign causes are `Redacted` (their tag
 * shows; `Redacted.value` gives the original).
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"

/**
 * A cause that is not ours: its tag prints, its content does not.
 * `Redacted.value(cause)` gives the original.
 *
 * @category models
 * @since 0.1.0
 */
export type ForeignCause = Redacted.Redacted<unknown>

const tagOf = (cause: unknown): string => {
  if (typeof cause !== "object" || cause === null) return typeof cause
  for (const key of ["_tag", "code", "name"] as const) {
    const tag = (cause as Record<string, unknown>)[key]
    if (typeof tag === "string" && /^[\w.:/-]{1,64}$/.test(tag)) return tag
  }
  return "unknown"
}

/**
 * Wraps a foreign cause so that only its tag shows.
 *
 * @example
 * ```ts
 * import * as ConnectionError from "kharbranth/ConnectionError"
 * import { strictEqual } from "node:assert"
 *
 * const cause = ConnectionError.foreign(Object.assign(new Error("token=secret"), { code: "ECONNRESET" }))
 * strictEqual(String(cause), "<redacted:ECONNRESET>")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const foreign = (cause: unknown): ForeignCause =>
  Redacted.isRedacted(cause) ? cause : Redacted.make(cause, { label: tagOf(cause) })

/**
 * A url as it may be printed: scheme, host and path, without userinfo, query
 * and fragment.
 *
 * @example
 * ```ts
 * import * as ConnectionError from "kharbranth/ConnectionError"
 * import { strictEqual } from "node:assert"
 *
 * strictEqual(ConnectionError.endpointOf("wss://me:pw@feed.example/ws?token=1"), "wss://feed.example/ws")
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const endpointOf = (url: string): string => {
  const at = /^([a-z][a-z0-9+.-]*:)\/\/(?:[^/?#]*@)?([^/?#@]*)([^?#]*)/i.exec(url)
  return at === null ? "<not a url>" : `${at[1]}//${at[2]}${at[3]}`
}

const span = (duration: Duration.Duration): string => Duration.format(duration)
const label = (cause: ForeignCause): string => cause.label ?? "unknown"

/**
 * An option is not usable. Found at construction, or when an effectful option
 * resolves for a dial; never retried.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions
  extends /* @__PURE__ */ Data.TaggedError("InvalidOptions")<{
    readonly connection: string
    /** Where in the options, as keys: `["target", "headers", "x-api-key"]`. */
    readonly path: ReadonlyArray<string | number>
    /** What is wrong there, and what would be right. */
    readonly issue: string
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": option ${this.path.join(".")} is not usable: ${this.issue}`
  }
}

/**
 * The effect that resolves the target (a token, a url from an API) failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class TargetFailed
  extends /* @__PURE__ */ Data.TaggedError("TargetFailed")<{
    readonly connection: string
    readonly cause: ForeignCause
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": resolving its target failed (${label(this.cause)}). Look at the effect given as \`target\`; the next dial runs it again.`
  }
}

/**
 * A dial (target, DNS, proxy, TCP, TLS and upgrade together) took too long.
 *
 * @category errors
 * @since 0.1.0
 */
export class DialTimeout
  extends /* @__PURE__ */ Data.TaggedError("DialTimeout")<{
    readonly connection: string
    readonly after: Duration.Duration
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": no open socket after ${span(
      this.after
    )}. The server or a proxy accepts but does not answer; raise \`dialTimeout\` if it is only slow.`
  }
}

/**
 * Why a socket could not be opened.
 *
 * @category models
 * @since 0.1.0
 */
export type DialFailure =
  | "dns"
  | "refused"
  | "reset"
  | "unreachable"
  | "local"
  | "proxy"
  | "protocol"
  | "breaker"
  | "unknown"

const dialHints: Record<DialFailure, string> = {
  dns: "the host name does not resolve",
  refused: "nothing listens there",
  reset: "the peer reset the connection before the upgrade finished",
  unreachable: "no route to the host; this machine may be offline",
  local: "this machine could not open a socket (out of descriptors, ports or permission)",
  proxy: "the proxy did not connect",
  protocol: "the answer is not a WebSocket upgrade",
  breaker: "dials there keep failing and are held back, so another endpoint goes first",
  unknown: "the platform does not say why"
}

/**
 * The socket could not be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class DialFailed
  extends /* @__PURE__ */ Data.TaggedError("DialFailed")<{
    readonly connection: string
    readonly kind: DialFailure
    readonly endpoint: string
    readonly cause: ForeignCause
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": could not reach ${this.endpoint}: ${dialHints[this.kind]} (${label(
      this.cause
    )}).`
  }
}

/**
 * The TLS handshake failed. A certificate that does not verify is never
 * retried; fix the certificate or give the transport the right `ca`.
 *
 * @category errors
 * @since 0.1.0
 */
export class TlsError
  extends /* @__PURE__ */ Data.TaggedError("TlsError")<{
    readonly connection: string
    readonly endpoint: string
    /** The platform's code, such as `CERT_HAS_EXPIRED`. */
    readonly code: string
    readonly cause: ForeignCause
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": TLS with ${this.endpoint} failed (${this.code}). Check the server's certificate, or the \`ca\` and \`servername\` given to the transport.`
  }
}

/**
 * The server answered the upgrade with an HTTP status of its own.
 *
 * @category errors
 * @since 0.1.0
 */
export class HandshakeRejected
  extends /* @__PURE__ */ Data.TaggedError("HandshakeRejected")<{
    readonly connection: string
    readonly endpoint: string
    readonly status: number
    /** The server's `Retry-After`, when it sent one. */
    readonly retryAfter: Duration.Duration | undefined
    /** Response headers and the start of the body, for diagnosis. */
    readonly response: Redacted.Redacted<{ readonly headers: Readonly<Record<string, string>>; readonly body: string }>
  }>
{
  override get message(): string {
    const wait = this.retryAfter === undefined ? "" : `, retry after ${span(this.retryAfter)}`
    const hint =
      this.status === 401 || this.status === 403
        ? " Check the credentials in `target`."
        : this.status >= 300 && this.status < 400
          ? " Redirects are not followed; dial the final url."
          : ""
    return `Connection "${this.connection}": ${this.endpoint} refused the upgrade with HTTP ${this.status}${wait}.${hint}`
  }
}

/**
 * A ping could not be sent, or an awaited one went unanswered.
 *
 * @category errors
 * @since 0.1.0
 */
export class PingFailed
  extends /* @__PURE__ */ Data.TaggedError("PingFailed")<{
    readonly connection: string
    readonly epoch: number
    readonly issue: string
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": ping failed on session ${this.epoch}: ${this.issue}`
  }
}

/**
 * The detector's verdict: probes were sent and nothing at all came back.
 *
 * @category errors
 * @since 0.1.0
 */
export class PongReceiveTimeout
  extends /* @__PURE__ */ Data.TaggedError("PongReceiveTimeout")<{
    readonly connection: string
    readonly epoch: number
    readonly timeout: Duration.Duration
    readonly missed: number
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": session ${this.epoch} is dead: nothing arrived within ${span(
      this.timeout
    )} of a probe (${this.missed} missed).`
  }
}

/**
 * Nothing arrived for the time a passive heartbeat allows.
 *
 * @category errors
 * @since 0.1.0
 */
export class IdleTimeout
  extends /* @__PURE__ */ Data.TaggedError("IdleTimeout")<{
    readonly connection: string
    readonly epoch: number
    readonly after: Duration.Duration
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": session ${this.epoch} went silent for ${span(this.after)}.`
  }
}

/**
 * Reading from the socket failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReadError
  extends /* @__PURE__ */ Data.TaggedError("ReadError")<{
    readonly connection: string
    readonly epoch: number
    readonly cause: ForeignCause
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": reading failed on session ${this.epoch} (${label(this.cause)}).`
  }
}

/**
 * Writing to the socket failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class WriteError
  extends /* @__PURE__ */ Data.TaggedError("WriteError")<{
    readonly connection: string
    readonly epoch: number
    readonly cause: ForeignCause
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": writing failed on session ${this.epoch} (${label(this.cause)}).`
  }
}

/**
 * The socket went away without a closing handshake (what a WebSocket API
 * reports as code 1006).
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionDropped
  extends /* @__PURE__ */ Data.TaggedError("ConnectionDropped")<{
    readonly connection: string
    readonly epoch: number
    readonly cause: ForeignCause | undefined
  }>
{
  override get message(): string {
    const why = this.cause === undefined ? "" : ` (${label(this.cause)})`
    return `Connection "${this.connection}": session ${this.epoch} was cut without a close frame${why}.`
  }
}

/**
 * A closing handshake took place.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionClosed
  extends /* @__PURE__ */ Data.TaggedError("ConnectionClosed")<{
    readonly connection: string
    readonly epoch: number
    /** The code the peer sent (1005 when it sent none). */
    readonly code: number
    readonly reason: Redacted.Redacted
    /** The code we sent, when we did. */
    readonly sentCode: number | undefined
    /** Who sent a close frame first. */
    readonly initiator: "server" | "client"
  }>
{
  override get message(): string {
    const sent = this.sentCode === undefined ? "" : `, we sent ${this.sentCode}`
    return `Connection "${this.connection}": session ${this.epoch} was closed by the ${this.initiator} with code ${this.code}${sent}.`
  }
}

/**
 * The peer broke the WebSocket protocol.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProtocolError
  extends /* @__PURE__ */ Data.TaggedError("ProtocolError")<{
    readonly connection: string
    readonly epoch: number
    /** The close code that belongs to it: 1002, 1003, 1007 or 1008. */
    readonly code: number
    readonly issue: string
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": the peer broke the protocol on session ${this.epoch}: ${this.issue}.`
  }
}

/**
 * An inbound message was larger than allowed.
 *
 * @category errors
 * @since 0.1.0
 */
export class MessageTooLarge
  extends /* @__PURE__ */ Data.TaggedError("MessageTooLarge")<{
    readonly connection: string
    readonly epoch: number
    /** Its size in bytes, where the transport knows it. */
    readonly size: number | undefined
    readonly max: number
  }>
{
  override get message(): string {
    const size = this.size === undefined ? "a message" : `a message of ${this.size} bytes`
    return `Connection "${this.connection}": ${size} exceeds \`maxMessageSize\` (${this.max} bytes). Raise it if the server is right.`
  }
}

/**
 * A frame did not decode.
 *
 * @category errors
 * @since 0.1.0
 */
export class DecodeError
  extends /* @__PURE__ */ Data.TaggedError("DecodeError")<{
    readonly connection: string
    readonly epoch: number
    readonly issue: string
    readonly cause: ForeignCause
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": a frame of session ${this.epoch} did not decode: ${this.issue}. Set the codec's \`onDecodeError\` to "skip" or "yield" to live with such frames.`
  }
}

/**
 * A message given to `send` or `sink` did not encode. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class EncodeError
  extends /* @__PURE__ */ Data.TaggedError("EncodeError")<{
    readonly connection: string
    readonly issue: string
    readonly cause: ForeignCause
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": a message did not encode and was not sent: ${this.issue}.`
  }
}

/**
 * Unread messages exceeded the inbox under the overflow policy `fail`.
 *
 * @category errors
 * @since 0.1.0
 */
export class InboxOverflow
  extends /* @__PURE__ */ Data.TaggedError("InboxOverflow")<{
    readonly connection: string
    readonly bytes: number
    readonly max: number
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": ${this.bytes} bytes wait unread (mark ${this.max}). Read faster, raise \`inbox.highWaterMark\`, or choose another \`inbox.overflow\`.`
  }
}

/**
 * The outbox has no room.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutboxFull
  extends /* @__PURE__ */ Data.TaggedError("OutboxFull")<{
    readonly connection: string
    readonly messages: number
    readonly bytes: number
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": the outbox is full (${this.messages} messages, ${this.bytes} bytes wait). Send slower, raise its bounds, or choose another \`outbox.overflow\`.`
  }
}

/**
 * A message waited longer than its ttl and was not sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class SendExpired
  extends /* @__PURE__ */ Data.TaggedError("SendExpired")<{
    readonly connection: string
    readonly ttl: Duration.Duration
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": a message was not sent within its ttl of ${span(this.ttl)}.`
  }
}

/**
 * The operation needs a session, and there is none (or none any more).
 *
 * @category errors
 * @since 0.1.0
 */
export class NotConnected
  extends /* @__PURE__ */ Data.TaggedError("NotConnected")<{
    readonly connection: string
    /** The state it is in: `"Reconnecting"`, `"Closed"`, … */
    readonly state: string
  }>
{
  override get message(): string {
    return `Connection "${this.connection}" is not connected (${this.state}).`
  }
}

/**
 * Somebody reads this connection already.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReaderBusy
  extends /* @__PURE__ */ Data.TaggedError("ReaderBusy")<{
    readonly connection: string
  }>
{
  override get message(): string {
    return `Connection "${this.connection}" has a reader already; a second one would get half of the messages. Use \`connection.broadcast\` for several readers.`
  }
}

/**
 * The `onOpen` program failed or took too long.
 *
 * @category errors
 * @since 0.1.0
 */
export class OpenFailed
  extends /* @__PURE__ */ Data.TaggedError("OpenFailed")<{
    readonly connection: string
    readonly epoch: number
    readonly issue: string
    readonly cause: ForeignCause
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": \`onOpen\` failed on session ${this.epoch}: ${this.issue} (${label(this.cause)}).`
  }
}

/**
 * The connection was not Ready within `startupTimeout`.
 *
 * @category errors
 * @since 0.1.0
 */
export class StartupTimeout
  extends /* @__PURE__ */ Data.TaggedError("StartupTimeout")<{
    readonly connection: string
    readonly after: Duration.Duration
    readonly last: ConnectionError | undefined
  }>
{
  override get message(): string {
    const last = this.last === undefined ? "" : ` Last error: ${this.last.message}`
    return `Connection "${this.connection}": not ready within ${span(
      this.after
    )}. Use \`startup: "background"\` to go on without it.${last}`
  }
}

/**
 * The reconnect policy gave up.
 *
 * @category errors
 * @since 0.1.0
 */
export class RetriesExhausted
  extends /* @__PURE__ */ Data.TaggedError("RetriesExhausted")<{
    readonly connection: string
    readonly attempts: number
    readonly last: ConnectionError
  }>
{
  override get message(): string {
    return `Connection "${this.connection}": gave up after ${this.attempts} attempts. Last error: ${this.last.message}`
  }
}

/**
 * No connection has this name.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionNotFound
  extends /* @__PURE__ */ Data.TaggedError("ConnectionNotFound")<{
    readonly connection: string
  }>
{
  override get message(): string {
    return `No connection is named "${this.connection}".`
  }
}

/**
 * The name is taken.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionExists
  extends /* @__PURE__ */ Data.TaggedError("ConnectionExists")<{
    readonly connection: string
  }>
{
  override get message(): string {
    return `A connection named "${this.connection}" exists already. Use \`ensure\` to share it, or close it first.`
  }
}

/**
 * What a transport's dial may fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type DialError = TargetFailed | DialFailed | TlsError | HandshakeRejected | InvalidOptions

/**
 * How an open link may end.
 *
 * @category models
 * @since 0.1.0
 */
export type LinkError = ConnectionClosed | ConnectionDropped | ProtocolError | MessageTooLarge | ReadError | WriteError

/**
 * Why a message was not accepted or not written.
 *
 * @category models
 * @since 0.1.0
 */
export type SendError = NotConnected | OutboxFull | SendExpired | EncodeError

/**
 * Every failure of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionError =
  | InvalidOptions
  | TargetFailed
  | DialTimeout
  | DialError
  | OpenFailed
  | StartupTimeout
  | LinkError
  | PingFailed
  | PongReceiveTimeout
  | IdleTimeout
  | ReaderBusy
  | DecodeError
  | InboxOverflow
  | SendError
  | RetriesExhausted
  | ConnectionNotFound
  | ConnectionExists

const tags: ReadonlySet<string> = new Set<ConnectionError["_tag"]>([
  "InvalidOptions",
  "TargetFailed",
  "DialTimeout",
  "DialFailed",
  "TlsError",
  "HandshakeRejected",
  "PingFailed",
  "PongReceiveTimeout",
  "IdleTimeout",
  "ReadError",
  "WriteError",
  "ConnectionDropped",
  "ConnectionClosed",
  "ProtocolError",
  "MessageTooLarge",
  "DecodeError",
  "EncodeError",
  "InboxOverflow",
  "OutboxFull",
  "SendExpired",
  "NotConnected",
  "ReaderBusy",
  "OpenFailed",
  "StartupTimeout",
  "RetriesExhausted",
  "ConnectionNotFound",
  "ConnectionExists"
])

/**
 * Whether a value is one of this module's errors.
 *
 * @category guards
 * @since 0.1.0
 */
export const isConnectionError = (u: unknown): u is ConnectionError =>
  u instanceof Error &&
  "_tag" in u &&
  typeof u._tag === "string" &&
  tags.has(u._tag) &&
  ("connection" in u || "name" in u)
