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
 * ├─ giving up          RetriesExhausted
 * └─ of a fleet         OwnerLost · Unreachable · OwnerFailed
 * ```
 *
 * No error carries a secret in any printed form: urls appear without query and
 * userinfo, and close reasons and foreign causes are `Redacted` (their tag
 * shows; `Redacted.value` gives the original).
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
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

interface Failure<Tag extends string, Fields> {
  new (fields: Fields): Cause.YieldableError & Readonly<Fields> & { readonly _tag: Tag }
}

const brand = "~kharbranth/ConnectionError"

/** A class of errors whose message is the connection's name, and what `text` says. */
const failure = <const Tag extends string, Fields extends { readonly connection: string }>(
  tag: Tag,
  text: (self: Fields) => string
): Failure<Tag, Fields> => {
  class Failed extends Data.TaggedError(tag)<{ readonly connection: string }> {
    get [brand](): true {
      return true
    }

    override get message(): string {
      return `Connection "${this.connection}"${text(this as unknown as Fields)}`
    }
  }
  return Failed as unknown as Failure<Tag, Fields>
}

const at = ({ phase }: { readonly phase?: DialPhase | undefined }): string =>
  phase === undefined ? "" : ` (in phase ${phase})`

/**
 * What a transport knows to do about an error, beyond what its other fields say.
 *
 * @category models
 * @since 0.1.0
 */
export interface Advised {
  /** What to do, where the transport knows more than the other fields say: a sentence without a secret. */
  readonly advice?: string | undefined
}

const span = (duration: Duration.Duration): string => Duration.format(duration)
const advised = ({ advice }: Advised, otherwise?: string): string => {
  const text = advice ?? otherwise
  return text === undefined ? "" : ` ${text}`
}
const label = (cause: ForeignCause): string => cause.label ?? "unknown"

/**
 * An option is not usable. Found at construction, or when an effectful option
 * resolves for a dial; never retried.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions
  extends /* @__PURE__ */ failure(
    "InvalidOptions",
    (self: {
      readonly connection: string
      /** Where in the options, as keys: `["target", "headers", "x-api-key"]`. */
      readonly path: ReadonlyArray<string | number>
      /** What is wrong there, and what would be right. */
      readonly issue: string
    }) => `: option ${self.path.join(".")} is not usable: ${self.issue}`
  ) {}

/**
 * The effect that resolves the target (a token, a url from an API) failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class TargetFailed
  extends /* @__PURE__ */ failure(
    "TargetFailed",
    (self: { readonly connection: string; readonly cause: ForeignCause }) =>
      `: resolving its target failed (${label(self.cause)}). Look at the effect given as \`target\`; the next dial runs it again.`
  ) {}

/**
 * What a dial waits for, in the order in which it does: its permit, the target,
 * the name, the TCP connection, the proxy's tunnel, TLS, the answer to the
 * upgrade, and your `onOpen`. `connect` stands for all between `target` and
 * `open` where the transport does not say more, as in a browser.
 *
 * @category models
 * @since 0.1.0
 */
export type DialPhase = "permit" | "target" | "connect" | "dns" | "tcp" | "proxy" | "tls" | "http" | "open"

/**
 * A dial (target, DNS, proxy, TCP, TLS and upgrade together) took too long.
 *
 * @category errors
 * @since 0.1.0
 */
export class DialTimeout
  extends /* @__PURE__ */ failure(
    "DialTimeout",
    (self: {
      readonly connection: string
      readonly after: Duration.Duration
      /** What it was waiting for. */
      readonly phase?: DialPhase | undefined
    }) =>
      `: no open socket after ${span(self.after)}${at(self)}. The server or a proxy accepts but does not answer; raise \`dialTimeout\` if it is only slow.`
  ) {}

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
  extends /* @__PURE__ */ failure(
    "DialFailed",
    (
      self: Advised & {
        readonly connection: string
        readonly kind: DialFailure
        /** What the dial was waiting for, where the transport knows. */
        readonly phase?: DialPhase | undefined
        readonly endpoint: string
        readonly cause: ForeignCause
      }
    ) => `: could not reach ${self.endpoint}: ${dialHints[self.kind]} (${label(self.cause)}).${advised(self)}`
  ) {}

/**
 * The TLS handshake failed. A certificate that does not verify is never
 * retried; fix the certificate or give the transport the right `ca`.
 *
 * @category errors
 * @since 0.1.0
 */
export class TlsError
  extends /* @__PURE__ */ failure(
    "TlsError",
    (
      self: Advised & {
        readonly connection: string
        readonly endpoint: string
        /** The platform's code, such as `CERT_HAS_EXPIRED`. */
        readonly code: string
        readonly cause: ForeignCause
      }
    ) =>
      `: TLS with ${self.endpoint} failed (${self.code}).${advised(
        self,
        "Check the server's certificate, or the `ca` and `servername` given to the transport."
      )}`
  ) {}

const statusHint = (status: number): string | undefined => {
  if (status === 401 || status === 403) return "Check the credentials in `target`."
  if (status < 300) return "It is no WebSocket endpoint: check the path of the url."
  return status < 400 ? "Redirects are not followed; dial the final url." : undefined
}

/**
 * The server answered the upgrade with an HTTP status of its own.
 *
 * @category errors
 * @since 0.1.0
 */
export class HandshakeRejected
  extends /* @__PURE__ */ failure(
    "HandshakeRejected",
    (
      self: Advised & {
        readonly connection: string
        readonly endpoint: string
        readonly status: number
        /** The server's `Retry-After`, when it sent one. */
        readonly retryAfter: Duration.Duration | undefined
        /** Response headers and the start of the body, for diagnosis. */
        readonly response: Redacted.Redacted<{
          readonly headers: Readonly<Record<string, string>>
          readonly body: string
        }>
      }
    ) => {
      const wait = self.retryAfter === undefined ? "" : `, retry after ${span(self.retryAfter)}`
      return `: ${self.endpoint} refused the upgrade with HTTP ${self.status}${wait}.${advised(self, statusHint(self.status))}`
    }
  ) {}

/**
 * A ping could not be sent, or an awaited one went unanswered.
 *
 * @category errors
 * @since 0.1.0
 */
export class PingFailed
  extends /* @__PURE__ */ failure(
    "PingFailed",
    (self: { readonly connection: string; readonly epoch: number; readonly issue: string }) =>
      `: ping failed on session ${self.epoch}: ${self.issue}`
  ) {}

/**
 * The detector's verdict: probes were sent and nothing at all came back.
 *
 * @category errors
 * @since 0.1.0
 */
export class PongReceiveTimeout
  extends /* @__PURE__ */ failure(
    "PongReceiveTimeout",
    (self: {
      readonly connection: string
      readonly epoch: number
      readonly timeout: Duration.Duration
      readonly missed: number
    }) =>
      `: session ${self.epoch} is dead: nothing arrived within ${span(
        self.timeout
      )} of a probe (${self.missed} missed).`
  ) {}

/**
 * Nothing arrived for the time a passive heartbeat allows.
 *
 * @category errors
 * @since 0.1.0
 */
export class IdleTimeout
  extends /* @__PURE__ */ failure(
    "IdleTimeout",
    (self: { readonly connection: string; readonly epoch: number; readonly after: Duration.Duration }) =>
      `: session ${self.epoch} went silent for ${span(self.after)}.`
  ) {}

/**
 * Reading from the socket failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReadError
  extends /* @__PURE__ */ failure(
    "ReadError",
    (self: { readonly connection: string; readonly epoch: number; readonly cause: ForeignCause }) =>
      `: reading failed on session ${self.epoch} (${label(self.cause)}).`
  ) {}

/**
 * Writing to the socket failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class WriteError
  extends /* @__PURE__ */ failure(
    "WriteError",
    (self: { readonly connection: string; readonly epoch: number; readonly cause: ForeignCause }) =>
      `: writing failed on session ${self.epoch} (${label(self.cause)}).`
  ) {}

/**
 * The socket went away without a closing handshake (what a WebSocket API
 * reports as code 1006).
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionDropped
  extends /* @__PURE__ */ failure(
    "ConnectionDropped",
    (self: { readonly connection: string; readonly epoch: number; readonly cause: ForeignCause | undefined }) => {
      const why = self.cause === undefined ? "" : ` (${label(self.cause)})`
      return `: session ${self.epoch} was cut without a close frame${why}.`
    }
  ) {}

/**
 * A closing handshake took place.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionClosed
  extends /* @__PURE__ */ failure(
    "ConnectionClosed",
    (self: {
      readonly connection: string
      readonly epoch: number
      /** The code the peer sent (1005 when it sent none). */
      readonly code: number
      readonly reason: Redacted.Redacted
      /** The code we sent, when we did. */
      readonly sentCode: number | undefined
      /** Who sent a close frame first. */
      readonly initiator: "server" | "client"
    }) => {
      const sent = self.sentCode === undefined ? "" : `, we sent ${self.sentCode}`
      return `: session ${self.epoch} was closed by the ${self.initiator} with code ${self.code}${sent}.`
    }
  ) {}

/**
 * The peer broke the WebSocket protocol.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProtocolError
  extends /* @__PURE__ */ failure(
    "ProtocolError",
    (self: {
      readonly connection: string
      readonly epoch: number
      /** The close code that belongs to it: 1002, 1003, 1007 or 1008. */
      readonly code: number
      readonly issue: string
    }) => `: the peer broke the protocol on session ${self.epoch}: ${self.issue}.`
  ) {}

/**
 * An inbound message was larger than allowed.
 *
 * @category errors
 * @since 0.1.0
 */
export class MessageTooLarge
  extends /* @__PURE__ */ failure(
    "MessageTooLarge",
    (self: {
      readonly connection: string
      readonly epoch: number
      /** Its size in bytes, where the transport knows it. */
      readonly size: number | undefined
      readonly max: number
    }) => {
      const size = self.size === undefined ? "a message" : `a message of ${self.size} bytes`
      return `: ${size} exceeds \`maxMessageSize\` (${self.max} bytes). Raise it if the server is right.`
    }
  ) {}

/**
 * A frame did not decode.
 *
 * @category errors
 * @since 0.1.0
 */
export class DecodeError
  extends /* @__PURE__ */ failure(
    "DecodeError",
    (self: {
      readonly connection: string
      readonly epoch: number
      readonly issue: string
      readonly cause: ForeignCause
    }) =>
      `: a frame of session ${self.epoch} did not decode: ${self.issue}. Wrap the codec in \`Codec.skipErrors\` or \`Codec.yieldErrors\` to live with such frames.`
  ) {}

/**
 * A message given to `send` or `sink` did not encode. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class EncodeError
  extends /* @__PURE__ */ failure(
    "EncodeError",
    (self: { readonly connection: string; readonly issue: string; readonly cause: ForeignCause }) =>
      `: a message did not encode and was not sent: ${self.issue}.`
  ) {}

/**
 * Unread messages exceeded the inbox under the overflow policy `fail`.
 *
 * @category errors
 * @since 0.1.0
 */
export class InboxOverflow
  extends /* @__PURE__ */ failure(
    "InboxOverflow",
    (self: { readonly connection: string; readonly bytes: number; readonly max: number }) =>
      `: ${self.bytes} bytes wait unread (mark ${self.max}). Read faster, raise \`inbox.highWaterMark\`, or choose another \`inbox.overflow\`.`
  ) {}

/**
 * The outbox has no room.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutboxFull
  extends /* @__PURE__ */ failure(
    "OutboxFull",
    (self: { readonly connection: string; readonly messages: number; readonly bytes: number }) =>
      `: the outbox is full (${self.messages} messages, ${self.bytes} bytes wait). Send slower, raise its bounds, or choose another \`outbox.overflow\`.`
  ) {}

/**
 * A message waited longer than its ttl and was not sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class SendExpired
  extends /* @__PURE__ */ failure(
    "SendExpired",
    (self: { readonly connection: string; readonly ttl: Duration.Duration }) =>
      `: a message was not sent within its ttl of ${span(self.ttl)}.`
  ) {}

/**
 * The operation needs a session, and there is none (or none any more).
 *
 * @category errors
 * @since 0.1.0
 */
export class NotConnected
  extends /* @__PURE__ */ failure(
    "NotConnected",
    (self: {
      readonly connection: string
      /** The state it is in: `"Reconnecting"`, `"Closed"`, … */
      readonly state: string
    }) => ` is not connected (${self.state}).`
  ) {}

/**
 * Somebody reads this connection already.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReaderBusy
  extends /* @__PURE__ */ failure<"ReaderBusy", { readonly connection: string }>(
    "ReaderBusy",
    () =>
      ` has a reader already; a second one would get half of the messages. Use \`Connection.broadcast\` for several readers.`
  ) {}

/**
 * The `onOpen` program failed or took too long.
 *
 * @category errors
 * @since 0.1.0
 */
export class OpenFailed
  extends /* @__PURE__ */ failure(
    "OpenFailed",
    (self: {
      readonly connection: string
      readonly epoch: number
      readonly issue: string
      readonly cause: ForeignCause
    }) => `: \`onOpen\` failed on session ${self.epoch}: ${self.issue} (${label(self.cause)}).`
  ) {}

/**
 * The connection was not Ready within `startupTimeout`.
 *
 * @category errors
 * @since 0.1.0
 */
export class StartupTimeout
  extends /* @__PURE__ */ failure(
    "StartupTimeout",
    (self: {
      readonly connection: string
      readonly after: Duration.Duration
      readonly last: ConnectionError | undefined
    }): string => {
      const last = self.last === undefined ? "" : ` Last error: ${self.last.message}`
      return `: not ready within ${span(self.after)}. Use \`startup: "background"\` to go on without it.${last}`
    }
  ) {}

/**
 * The reconnect policy gave up.
 *
 * @category errors
 * @since 0.1.0
 */
export class RetriesExhausted
  extends /* @__PURE__ */ failure(
    "RetriesExhausted",
    (self: {
      readonly connection: string
      /** The dials of the outage; the first connect is one. */
      readonly attempts: number
      readonly last: ConnectionError
    }): string =>
      `: gave up after ${self.attempts} attempt${self.attempts === 1 ? "" : "s"}. Last error: ${self.last.message}`
  ) {}

/**
 * No connection has this name.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionNotFound
  extends /* @__PURE__ */ failure<"ConnectionNotFound", { readonly connection: string }>(
    "ConnectionNotFound",
    () => " is not known here: it was never made, or it is closed."
  ) {}

/**
 * The name is taken.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionExists
  extends /* @__PURE__ */ failure<"ConnectionExists", { readonly connection: string }>(
    "ConnectionExists",
    () => ` exists already. Use \`ensure\` to share it, or close it first.`
  ) {}

/**
 * Another process owned the connection until now. It never ends one: it is the
 * cause of the `Gap` that stands where a fleet moved a name.
 *
 * @category errors
 * @since 0.1.0
 */
export class OwnerLost
  extends /* @__PURE__ */ failure(
    "OwnerLost",
    (self: { readonly connection: string; readonly owner: string }) =>
      ` moved here: its owner before, ${self.owner}, died or let go of it. Messages from in between may be missing.`
  ) {}

/**
 * The process that owns the connection could not be asked, or nobody owns it at
 * the moment. What was asked for may have been done. Only a fleet's manager fails
 * with it.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unreachable
  extends /* @__PURE__ */ failure(
    "Unreachable",
    (self: { readonly connection: string; readonly owner: string | undefined }) =>
      ` cannot be reached: ${
        self.owner === undefined ? "no process owns it at the moment" : `its owner, ${self.owner}, did not answer`
      }. What was asked for may have been done; it can be asked again once the connection has an owner.`
  ) {}

/**
 * The process that owns the connection did what was asked for, and it failed
 * there. Only a fleet's manager fails with it: the failure itself cannot travel.
 *
 * @category errors
 * @since 0.1.0
 */
export class OwnerFailed
  extends /* @__PURE__ */ failure(
    "OwnerFailed",
    (self: { readonly connection: string; readonly tag: string; readonly issue: string }) =>
      ` failed at its owner with ${self.tag}: ${self.issue}`
  ) {}

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
export type SendError = NotConnected | OutboxFull | SendExpired | EncodeError | InvalidOptions

/**
 * Every failure of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionError =
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
  | OwnerLost
  | Unreachable
  | OwnerFailed

/**
 * Whether a value is one of this module's errors.
 *
 * @category guards
 * @since 0.1.0
 */
export const isConnectionError = (u: unknown): u is ConnectionError => u instanceof Error && brand in u
