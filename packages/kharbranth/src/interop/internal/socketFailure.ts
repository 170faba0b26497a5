/**
 * Failures across the border between a connection and an Effect `Socket`, in
 * both directions. What a foreign socket says stays behind a redacted cause.
 */
import * as Redacted from "effect/Redacted"
import * as Socket from "effect/socket/Socket"
import * as ConnectionError from "../../ConnectionError.ts"
import type { Dial } from "../../Transport.ts"

const kinds: Readonly<Record<string, ConnectionError.DialFailure>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EMFILE: "local"
}

const at = (cause: unknown, key: string): unknown =>
  typeof cause === "object" && cause !== null ? (cause as Record<string, unknown>)[key] : undefined

/** The platform's code, on the cause itself or on the error inside an error event. */
const codeOf = (cause: unknown): string =>
  String([cause, at(cause, "error"), at(at(cause, "error"), "cause")].map((one) => at(one, "code")).find(Boolean))

const invalid = (dial: Dial, option: "url" | "subprotocols" | "headers", issue: string) =>
  new ConnectionError.InvalidOptions({ connection: dial.connection, path: ["target", option], issue })

const isWebSocketUrl = (url: string): boolean => URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)

/** What a dial that failed means; a constructor that throws has looked at the options. */
export const dialError = (dial: Dial, cause: unknown): ConnectionError.DialError => {
  if (!isWebSocketUrl(dial.url)) return invalid(dial, "url", "it is not an absolute ws: or wss: url")
  const name = at(cause, "name")
  if (name === "SyntaxError" || name === "TypeError") {
    if (Object.keys(dial.headers).length > 0 && name === "TypeError") {
      return invalid(dial, "headers", "the socket does not accept them")
    }
    return dial.subprotocols.length > 0
      ? invalid(dial, "subprotocols", "each must be a distinct HTTP token without separators")
      : invalid(dial, "url", "the socket does not accept it")
  }
  return new ConnectionError.DialFailed({
    connection: dial.connection,
    kind: kinds[codeOf(cause)] ?? "unknown",
    endpoint: ConnectionError.endpointOf(dial.url),
    cause: ConnectionError.foreign(cause)
  })
}

/** What a socket's own error hides. */
export const causeOf = ({ reason }: Socket.SocketError): unknown =>
  "cause" in reason && reason.cause !== undefined ? reason.cause : reason

export const dropped = ({ connection, epoch }: Dial, cause?: unknown): ConnectionError.ConnectionDropped =>
  new ConnectionError.ConnectionDropped({
    connection,
    epoch,
    cause: cause === undefined ? undefined : ConnectionError.foreign(cause)
  })

/** How an open socket ended. */
export const linkError = (
  dial: Dial,
  error: Socket.SocketError,
  sentCode: number | undefined
): ConnectionError.LinkError => {
  const { connection, epoch } = dial
  const { reason } = error
  switch (reason._tag) {
    case "SocketCloseError":
      return reason.code === 1006
        ? dropped(dial)
        : new ConnectionError.ConnectionClosed({
            connection,
            epoch,
            code: reason.code,
            reason: Redacted.make(reason.closeReason ?? "", { label: "close reason" }),
            sentCode,
            initiator: sentCode === undefined ? "server" : "client"
          })
    case "SocketWriteError":
      return new ConnectionError.WriteError({ connection, epoch, cause: ConnectionError.foreign(causeOf(error)) })
    default:
      return new ConnectionError.ReadError({ connection, epoch, cause: ConnectionError.foreign(causeOf(error)) })
  }
}

// --- the other way -------------------------------------------------------------

/** A close as sockets report it. Its reason stays here: it may be a secret. */
export const closed = (code: number): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code }) })

/** How a session's end shows in a socket. */
export const sessionError = (error: ConnectionError.ConnectionError): Socket.SocketError => {
  if (error._tag === "ConnectionClosed") return closed(error.code)
  if (error._tag === "ConnectionDropped") return closed(1006)
  return new Socket.SocketError({ reason: new Socket.SocketReadError({ cause: error }) })
}

export const openError = (error: ConnectionError.ConnectionError): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause: error }) })

export const writeError = (error: ConnectionError.ConnectionError): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause: error }) })
