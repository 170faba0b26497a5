/**
 * From the core's errors to the hub's: unwraps what the core wraps (a refused
 * negotiation, a failed handshake, a goodbye of the server), and turns the
 * core's `IdleTimeout` into SignalR's `ServerTimeout`. The reconnect policy
 * judges by the unwrapped error.
 */
import * as Redacted from "effect/Redacted"
import * as ConnectionErrors from "kharbranth/ConnectionError"
import type { ConnectionError } from "kharbranth/ConnectionError"
import * as Reconnect from "kharbranth/Reconnect"
import type { HubConnectionError } from "../../HubError.ts"
import * as HubError from "../../HubError.ts"

const own = new Set<unknown>([
  "NegotiateRejected",
  "NegotiateRefused",
  "NegotiateMalformed",
  "NegotiateUnreachable",
  "NegotiateTimeout",
  "TooManyRedirects",
  "NoSupportedTransport",
  "HandshakeFailed",
  "ProtocolViolation",
  "ServerClosed",
  "ServerTimeout"
] satisfies Array<HubConnectionError["_tag"]>)

// By its words, so that the classes of failures that an app has no code for stay out of it.
const isHubError = (u: unknown): u is HubConnectionError =>
  ConnectionErrors.isConnectionError(u) || (u instanceof Error && "_tag" in u && own.has(u._tag) && "connection" in u)

/** The hub's own error, where the core's merely carries one. */
export const unwrap = (error: ConnectionError): HubConnectionError => {
  switch (error._tag) {
    case "TargetFailed":
    case "OpenFailed":
    case "DialFailed":
    case "ReadError": {
      const cause = Redacted.value(error.cause)
      return isHubError(cause) ? cause : error
    }
    case "IdleTimeout":
      return new HubError.ServerTimeout({ connection: error.connection, after: error.after })
    case "RetriesExhausted":
      // One attempt was no retry: its error says it all.
      return error.attempts <= 1 ? unwrap(error.last) : error
    default:
      return error
  }
}

/** What ended a session, whatever became of the connection since. */
export const lossOf = (error: ConnectionError): HubConnectionError =>
  unwrap(error._tag === "RetriesExhausted" ? error.last : error)

/** The user's policy, but a server that says goodbye for good is not asked again. */
export const reconnectPolicy = (reconnect: Reconnect.Reconnect, resuming: () => boolean): Reconnect.Reconnect => ({
  ...reconnect,
  classify: (error) => {
    // A resume that is refused says nothing about a new connection.
    if (resuming()) return Reconnect.retry
    const hub = unwrap(error)
    return hub._tag === "ServerClosed" && !hub.allowReconnect ? Reconnect.stop : reconnect.classify(error)
  }
})
