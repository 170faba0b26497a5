/**
 * From what Node and `ws` report to the typed errors of the core: one table for
 * dials, one for open links. Foreign errors are wrapped, so that only their
 * code shows.
 */
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"

/**
 * The `code` of a Node error, or `undefined`.
 */
export const codeOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined

const dialKinds: Readonly<Record<string, ConnectionError.DialFailure>> = {
  ENOTFOUND: "dns",
  ENODATA: "dns",
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  EAI_NODATA: "dns",
  EAI_NONAME: "dns",
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  EHOSTUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  ETIMEDOUT: "unreachable",
  EADDRNOTAVAIL: "local",
  EADDRINUSE: "local",
  EAFNOSUPPORT: "local",
  EACCES: "local",
  EPERM: "local",
  EMFILE: "local",
  ENFILE: "local",
  ENOBUFS: "local",
  ENOMEM: "local",
  EINVAL: "local"
}

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

const dialFailed = (dial: Dial, kind: ConnectionError.DialFailure, cause: unknown) =>
  new ConnectionError.DialFailed({
    connection: dial.connection,
    kind,
    endpoint: ConnectionError.endpointOf(dial.url),
    cause: ConnectionError.foreign(cause)
  })

const tlsFailed = (dial: Dial, url: string, code: string, cause: unknown) =>
  new ConnectionError.TlsError({
    connection: dial.connection,
    endpoint: ConnectionError.endpointOf(url),
    code,
    cause: ConnectionError.foreign(cause)
  })

/**
 * Why a dial failed before the upgrade was answered.
 */
export const ofDial = (dial: Dial, error: unknown): ConnectionError.DialError => {
  const code = codeOf(error)
  if (code === undefined) {
    const tag = handshakeTag(error)
    return tag === undefined ? dialFailed(dial, "unknown", error) : dialFailed(dial, "protocol", { code: tag, error })
  }
  const kind = dialKinds[code]
  if (kind !== undefined) return dialFailed(dial, kind, error)
  if (code.startsWith("HPE_")) return dialFailed(dial, "protocol", error)
  return dial.url.startsWith("wss:") ? tlsFailed(dial, dial.url, code, error) : dialFailed(dial, "unknown", error)
}

/**
 * Why the way through the proxy failed, before it had answered the CONNECT. A
 * proxy's certificate that does not verify is as final as a server's.
 */
export const ofProxy = (dial: Dial, proxy: URL, error: unknown): ConnectionError.DialError => {
  const code = codeOf(error)
  return proxy.protocol === "https:" && code !== undefined && dialKinds[code] === undefined && !code.startsWith("HPE_")
    ? tlsFailed(dial, proxy.origin, code, error)
    : dialFailed(dial, "proxy", error)
}

/**
 * The proxy answered the CONNECT with another status than 200.
 */
export const ofProxyStatus = (dial: Dial, status: number): ConnectionError.DialError =>
  dialFailed(dial, "proxy", { code: `HTTP_${status}` })

const protocolIssues: Readonly<Record<string, readonly [code: number, issue: string]>> = {
  WS_ERR_EXPECTED_FIN: [1002, "a control frame was fragmented"],
  WS_ERR_INVALID_CLOSE_CODE: [1002, "a close frame carried an invalid code"],
  WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH: [1002, "a control frame was too long"],
  WS_ERR_INVALID_OPCODE: [1002, "a frame had an opcode that is unknown or out of place"],
  WS_ERR_INVALID_UTF8: [1007, "a text was not valid UTF-8"],
  WS_ERR_TOO_MANY_BUFFERED_PARTS: [1008, "a message came in too many fragments"],
  WS_ERR_UNEXPECTED_MASK: [1002, "a frame was masked"],
  WS_ERR_UNEXPECTED_RSV_1: [1002, "a frame had a reserved bit set (RSV1)"],
  WS_ERR_UNEXPECTED_RSV_2_3: [1002, "a frame had a reserved bit set (RSV2 or RSV3)"]
}

const tooLarge: ReadonlySet<string> = new Set([
  "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"
])

const protocolError = (dial: Dial, code: number, issue: string) =>
  new ConnectionError.ProtocolError({ connection: dial.connection, epoch: dial.epoch, code, issue })

/**
 * What `ws` objected to in the peer's frames, or could not send.
 */
export const ofFrames = (dial: Dial, error: unknown): ConnectionError.LinkError => {
  const code = codeOf(error) ?? ""
  if (tooLarge.has(code)) {
    return new ConnectionError.MessageTooLarge({
      connection: dial.connection,
      epoch: dial.epoch,
      size: undefined,
      max: dial.maxMessageSize
    })
  }
  const known = protocolIssues[code]
  if (known !== undefined) return protocolError(dial, known[0], known[1])
  if (code.startsWith("WS_ERR_")) return protocolError(dial, 1002, `a frame was not acceptable (${code})`)
  return code.startsWith("Z_") ? protocolError(dial, 1007, "compressed data did not inflate") : ofWrite(dial, error)
}

/**
 * The peer sent pings faster than it read the pongs.
 */
export const ofPingFlood = (dial: Dial): ConnectionError.LinkError =>
  protocolError(dial, 1008, "it sent more pings than it read answers")

/**
 * The socket could not take what was written.
 */
export const ofWrite = (dial: Dial, error: unknown): ConnectionError.LinkError =>
  new ConnectionError.WriteError({
    connection: dial.connection,
    epoch: dial.epoch,
    cause: ConnectionError.foreign(error)
  })

/**
 * The socket vanished, with the error that Node gave for it, if any.
 */
export const ofDrop = (dial: Dial, error: unknown): ConnectionError.LinkError =>
  new ConnectionError.ConnectionDropped({
    connection: dial.connection,
    epoch: dial.epoch,
    cause: error === undefined ? undefined : ConnectionError.foreign(error)
  })

const isWrite = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "syscall" in error && error.syscall === "write"

/**
 * An error of the TCP or TLS socket under an open link.
 */
export const ofSocket = (dial: Dial, error: unknown): ConnectionError.LinkError => {
  if (isWrite(error)) return ofWrite(dial, error)
  const code = codeOf(error)
  if (code !== undefined && dialKinds[code] !== undefined) return ofDrop(dial, error)
  return new ConnectionError.ReadError({
    connection: dial.connection,
    epoch: dial.epoch,
    cause: ConnectionError.foreign(error)
  })
}
