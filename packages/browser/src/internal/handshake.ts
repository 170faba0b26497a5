/**
 * The first and last minutes of a dial: what is refused before a socket is
 * made, how a constructor that throws is told, and how a failed dial is
 * diagnosed. Shared by the links on `WebSocket` and on `WebSocketStream`.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"
import type { Diagnose } from "../BrowserTransport.ts"
import { dialFailed, invalid } from "./linkEnd.ts"

export interface Diagnosis {
  readonly diagnose: Diagnose | undefined
  readonly timeout: Duration.Input
}

/** The option of a dial that no page can honour, if there is one. */
export const unsupported = (dial: Dial): ConnectionError.InvalidOptions | undefined =>
  Object.keys(dial.headers).length === 0
    ? undefined
    : invalid(
        dial,
        ["target", "headers"],
        "a page cannot send headers with the upgrade; use a subprotocol, a cookie or a short-lived token in the url"
      )

/** What a throwing constructor means: it validates the url, the subprotocols and the page's own security. */
export const constructorError = (dial: Dial, cause: unknown): ConnectionError.DialError => {
  const name = typeof cause === "object" && cause !== null && "name" in cause ? cause.name : undefined
  if (name === "SecurityError") {
    return invalid(
      dial,
      ["target", "url"],
      "the page's security rules forbid it (a ws: url in an https: page, or a blocked port)"
    )
  }
  if (name !== "SyntaxError" && name !== "TypeError") return dialFailed(dial, "local", cause)
  if (!isWebSocketUrl(dial.url)) return invalid(dial, ["target", "url"], "it is not an absolute ws: or wss: url")
  return dial.subprotocols.length > 0
    ? invalid(dial, ["target", "subprotocols"], "each must be a distinct HTTP token without separators")
    : invalid(dial, ["target", "url"], "the platform's WebSocket does not accept it")
}

const isWebSocketUrl = (url: string): boolean => URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)

/** Whether the platform is sure that it has no network. Only `false` from `navigator.onLine` says anything. */
const isOffline = (): boolean => typeof navigator === "object" && "onLine" in navigator && !navigator.onLine

/**
 * Why the dial failed. The platform hides it; its own offline flag and the
 * user's diagnosis, which may fail or take too long, are all there is.
 */
export const explain = (dial: Dial, diagnosis: Diagnosis, cause: unknown): Effect.Effect<ConnectionError.DialError> => {
  if (isOffline()) return Effect.succeed(dialFailed(dial, "unreachable", cause))
  const unknown = dialFailed(dial, "unknown", cause)
  if (diagnosis.diagnose === undefined) return Effect.succeed(unknown)
  const { connection, epoch, url } = dial
  return Effect.suspend(() => diagnosis.diagnose!({ connection, epoch, url })).pipe(
    Effect.timeoutOption(diagnosis.timeout),
    Effect.map((found) => (Option.isNone(found) ? unknown : toError(dial, cause, found.value, unknown))),
    Effect.catchCause(() => Effect.succeed(unknown))
  )
}

const toError = (
  dial: Dial,
  cause: unknown,
  finding: Effect.Success<ReturnType<Diagnose>>,
  unknown: ConnectionError.DialError
): ConnectionError.DialError => {
  switch (finding?._tag) {
    case undefined:
      return unknown
    case "Unreachable":
      return dialFailed(dial, "unreachable", cause)
    case "Rejected":
      return new ConnectionError.HandshakeRejected({
        connection: dial.connection,
        endpoint: ConnectionError.endpointOf(dial.url),
        status: finding.status,
        retryAfter: finding.retryAfter,
        response: Redacted.make({ headers: {}, body: "" }, { label: "response" })
      })
  }
}
