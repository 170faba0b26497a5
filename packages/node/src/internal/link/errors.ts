/**
 * From what Node and `ws` report of an open link to the typed errors of the core.
 * Foreign errors are wrapped, so that only their code shows.
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

/** What a code of the network means for a dial. A link that ends with one of them was dropped. */
export const networkFailures: Readonly<Record<string, ConnectionError.DialFailure>> = {
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
  if (code !== undefined && networkFailures[code] !== undefined) return ofDrop(dial, error)
  return new ConnectionError.ReadError({
    connection: dial.connection,
    epoch: dial.epoch,
    cause: ConnectionError.foreign(error)
  })
}
