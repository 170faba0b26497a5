/**
 * Why a dial fails: an option that no page can honour, a constructor that
 * throws, or a failure that the platform hides. Shared by the links on
 * `WebSocket` and on `WebSocketStream`.
 */
import * as Effect from "effect/Effect"
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"
import type { Diagnosis } from "../../BrowserTransport.ts"
import { dialFailed, invalid } from "./linkErrors.ts"

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
  return dial.subprotocols.length > 0 && isWebSocketUrl(dial.url)
    ? invalid(dial, ["target", "subprotocols"], "each must be a distinct HTTP token without separators")
    : invalid(
        dial,
        ["target", "url"],
        "the platform's WebSocket does not accept it; expected an absolute ws: or wss: url"
      )
}

const isWebSocketUrl = (url: string): boolean => URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)

/** Whether the platform is sure that it has no network. Only `false` from `navigator.onLine` says anything. */
const isOffline = (): boolean => typeof navigator === "object" && "onLine" in navigator && !navigator.onLine

/** Why the dial failed. The platform hides it; its own offline flag and the user's diagnosis are all there is. */
export const explained = (
  dial: Dial,
  diagnosis: Diagnosis | undefined,
  cause: unknown
): Effect.Effect<ConnectionError.DialError> => {
  const failed = dialFailed(dial, isOffline() ? "unreachable" : "unknown", cause)
  return diagnosis === undefined || failed.kind === "unreachable"
    ? Effect.succeed(failed)
    : diagnosis.explain(dial, failed)
}
