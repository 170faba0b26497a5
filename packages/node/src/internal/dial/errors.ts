/**
 * From what Node and `ws` report of a dial to the typed errors of the core.
 * Foreign errors are wrapped, so that only their code shows.
 */
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"
import { codeOf, networkFailures } from "../link/errors.ts"
import * as Advice from "./advice.ts"

// `ws` reports these without a code; a stable tag is what a reader of the message can search for
const handshakeTags: Readonly<Record<string, string>> = {
  "Invalid Upgrade header": "INVALID_UPGRADE",
  "Invalid Sec-WebSocket-Accept header": "INVALID_ACCEPT",
  "Server sent a subprotocol but none was requested": "UNREQUESTED_SUBPROTOCOL",
  "Server sent an invalid subprotocol": "INVALID_SUBPROTOCOL",
  "Server sent no subprotocol": "MISSING_SUBPROTOCOL",
  "Server sent a Sec-WebSocket-Extensions header but no extension was requested": "UNREQUESTED_EXTENSION",
  "Server indicated an extension that was not requested": "UNREQUESTED_EXTENSION",
  "Invalid Sec-WebSocket-Extensions header": "INVALID_EXTENSION"
}

const handshakeTag = (error: unknown): string | undefined =>
  error instanceof Error ? handshakeTags[error.message] : undefined

/** What is wrong with the options of a dial. */
export const invalid = (dial: Dial, path: ReadonlyArray<string | number>, issue: string) =>
  new ConnectionError.InvalidOptions({ connection: dial.connection, path, issue })

type Phase = ConnectionError.DialPhase | undefined

const dialFailed = (dial: Dial, kind: ConnectionError.DialFailure, phase: Phase, cause: unknown) =>
  new ConnectionError.DialFailed({
    connection: dial.connection,
    kind,
    phase,
    endpoint: ConnectionError.endpointOf(dial.url),
    cause: ConnectionError.foreign(cause),
    advice: Advice.ofDial(dial.url, kind, phase, cause)
  })

const tlsFailed = (dial: Dial, url: string, code: string, cause: unknown) =>
  new ConnectionError.TlsError({
    connection: dial.connection,
    endpoint: ConnectionError.endpointOf(url),
    code,
    cause: ConnectionError.foreign(cause),
    advice: Advice.ofTls(cause)
  })

/**
 * Why a dial failed before the upgrade was answered.
 */
export const ofDial = (dial: Dial, error: unknown, phase?: Phase): ConnectionError.DialError => {
  const failed = (kind: ConnectionError.DialFailure, cause = error) => dialFailed(dial, kind, phase, cause)
  const code = codeOf(error)
  if (code === undefined) {
    const tag = handshakeTag(error)
    return tag === undefined ? failed("unknown") : failed("protocol", { code: tag, error })
  }
  const kind = networkFailures[code]
  if (kind !== undefined) return failed(kind)
  if (code.startsWith("HPE_")) return failed("protocol")
  return dial.url.startsWith("wss:") ? tlsFailed(dial, dial.url, code, error) : failed("unknown")
}

/**
 * Why the way through the proxy failed, before it had answered the CONNECT. A
 * proxy's certificate that does not verify is as final as a server's.
 */
export const ofProxy = (dial: Dial, proxy: URL, error: unknown): ConnectionError.DialError => {
  const code = codeOf(error)
  return proxy.protocol === "https:" &&
    code !== undefined &&
    networkFailures[code] === undefined &&
    !code.startsWith("HPE_")
    ? tlsFailed(dial, proxy.origin, code, error)
    : dialFailed(dial, "proxy", "proxy", error)
}

/**
 * The proxy answered the CONNECT with another status than 200.
 */
export const ofProxyStatus = (dial: Dial, status: number): ConnectionError.DialError =>
  dialFailed(dial, "proxy", "proxy", { code: `HTTP_${status}` })
