/**
 * What to do about a dial whose url names the wrong protocol: TLS to a port that
 * speaks plain text, or plain text to a port that speaks TLS. The servers say so
 * in many ways, and none of them names the mistake.
 */
import type { DialFailure, DialPhase } from "kharbranth/ConnectionError"

const dialSecurely = "If this port speaks TLS, dial it with wss:."

/** OpenSSL's words for bytes that are no TLS, in messages and in codes. */
const notTls = /wrong.version.number|packet.length.too.long/i

/** The first bytes of a TLS alert: a server's answer to a plain request. */
const isAlert = (bytes: unknown): boolean => bytes instanceof Uint8Array && bytes[0] === 0x15 && bytes[1] === 0x03

/** How servers answer a plain request at their TLS port, beside a status of 400. */
const plainRequest = /plain HTTP request was sent to HTTPS|HTTP request to an HTTPS|plain HTTP to an SSL/i

const field = (error: unknown, name: string): unknown =>
  typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined

const isPlain = (url: string): boolean => url.startsWith("ws:")

/** A TLS server cuts a plain request off, or answers it with an alert. */
export const ofDial = (
  url: string,
  kind: DialFailure,
  phase: DialPhase | undefined,
  error: unknown
): string | undefined => {
  if (!isPlain(url)) return undefined
  const isCut = kind === "reset" && phase === "http"
  return isCut || isAlert(field(error, "rawPacket")) ? dialSecurely : undefined
}

export const ofTls = (error: unknown): string | undefined =>
  notTls.test(`${String(field(error, "code"))} ${String(field(error, "message"))}`)
    ? "The server does not speak TLS at this port: dial it with ws:, or dial its TLS port."
    : undefined

export const ofRejection = (url: string, status: number, body: string): string | undefined =>
  isPlain(url) && status === 400 && plainRequest.test(body) ? dialSecurely : undefined
