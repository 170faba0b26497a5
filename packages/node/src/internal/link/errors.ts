/**
 * From what Node and `ws` report of an open link to the typed errors of the core.
 * Foreign errors are wrapped, so that only their code shows.
 */
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"
import { aboutViolation } from "../frames/violation.ts"

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

const protocolError = (dial: Dial, code: number, issue: string) =>
  new ConnectionError.ProtocolError({ connection: dial.connection, epoch: dial.epoch, code, issue })

/**
 * What was wrong with the peer's frames, or what could not be sent.
 */
export const ofFrames = (dial: Dial, error: unknown): ConnectionError.LinkError => {
  const code = codeOf(error) ?? ""
  const about = aboutViolation(code)
  if (about?.status === 1009) {
    return new ConnectionError.MessageTooLarge({
      connection: dial.connection,
      epoch: dial.epoch,
      size: undefined,
      max: dial.maxMessageSize
    })
  }
  if (about !== undefined) return protocolError(dial, about.status, about.issue)
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
