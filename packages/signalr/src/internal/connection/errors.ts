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
import type { Seen } from "../../HubConnection.ts"
import type { HubConnectionError } from "../../HubError.ts"
import * as HubError from "../../HubError.ts"
import { isHubError } from "../dial/carriers.ts"

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

/**
 * What the core says of a connection, with the hub's errors where it says
 * `cause` or `error`: the same in states and events as in what calls fail with.
 */
export const seen = <A extends { readonly _tag: string }>(told: A): Seen<A> => {
  const { cause, error } = told as { readonly cause?: unknown; readonly error?: unknown }
  if (ConnectionErrors.isConnectionError(cause)) return { ...told, cause: unwrap(cause) } as unknown as Seen<A>
  if (ConnectionErrors.isConnectionError(error)) return { ...told, error: unwrap(error) } as unknown as Seen<A>
  return told as Seen<A>
}
