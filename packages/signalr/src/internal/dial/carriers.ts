/**
 * The core knows no errors of hubs: it wraps them in its own, and would point
 * its users at options (`target`, `onOpen`) that users of a hub never gave. The
 * errors here are the core's in every respect but their message, which is that
 * of the hub's error they carry.
 */
import * as ConnectionErrors from "kharbranth/ConnectionError"
import type { HubConnectionError } from "../../HubError.ts"

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

/** Judged by its words, so that the classes of failures that an app has no code for stay out of it. */
export const isHubError = (u: unknown): u is HubConnectionError =>
  ConnectionErrors.isConnectionError(u) || (u instanceof Error && "_tag" in u && own.has(u._tag) && "connection" in u)

const say = <E extends Error>(error: E, message: string): E =>
  Object.defineProperty(error, "message", { value: message })

// What users put into a hub is theirs: of its failures only the tag shows.
const saying = <E extends Error>(error: E, connection: string, cause: unknown, what: string): E => {
  const label = ConnectionErrors.foreign(cause).label ?? "unknown"
  return say(error, isHubError(cause) ? cause.message : `Hub "${connection}": ${what} failed (${label}).`)
}

/** Negotiating failed, or the user's token did. */
export const targetFailed = (connection: string, cause: unknown): ConnectionErrors.TargetFailed =>
  saying(
    new ConnectionErrors.TargetFailed({ connection, cause: ConnectionErrors.foreign(cause) }),
    connection,
    cause,
    "the effect given as `token` in its `credentials`"
  )

/** The hub's handshake failed, or the user's `onReady` did. */
export const openFailed = (connection: string, epoch: number, cause: unknown): ConnectionErrors.OpenFailed =>
  saying(
    new ConnectionErrors.OpenFailed({ connection, epoch, issue: "it failed", cause: ConnectionErrors.foreign(cause) }),
    connection,
    cause,
    "`onReady`"
  )

/** The hub protocol ended the link. */
export const readError = (connection: string, epoch: number, cause: HubConnectionError): ConnectionErrors.ReadError =>
  say(new ConnectionErrors.ReadError({ connection, epoch, cause: ConnectionErrors.foreign(cause) }), cause.message)
