/**
 * The upgrade of a socket that compresses nothing: one request by `node:http`,
 * and the checks of its answer (RFC 6455, section 4.1). `ws` does the same, and
 * makes a client of its own for each dial, which costs a third of what opening
 * does; it still makes the upgrades that offer compression.
 */
import * as Crypto from "node:crypto"
import * as Http from "node:http"
import * as Https from "node:https"
import type * as Net from "node:net"
import * as Querystring from "node:querystring"
import type { DialPhase } from "kharbranth/ConnectionError"
import type { UpgradeRequest } from "./upgradeRequest.ts"

/** What a handshake reports to: the attempt that it belongs to. */
export interface HandshakeOwner {
  enter(phase: DialPhase): void
  /** The server has agreed. What came with its answer is `head`. */
  upgradedPlain(socket: Net.Socket, head: Buffer, protocol: string): void
  /** The server answered with something other than an upgrade. */
  refused(response: Http.IncomingMessage): void
  failed(error: Error): void
}

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

const acceptOf = (key: string): string => Crypto.hash("sha1", key + guid, "base64")

/** What is wrong with an answer: the words that `ws` has for it, so that both have one error. */
const flawOf = (
  headers: Http.IncomingHttpHeaders,
  key: string,
  subprotocols: ReadonlyArray<string>
): string | undefined => {
  if (headers.upgrade?.toLowerCase() !== "websocket") return "Invalid Upgrade header"
  if (headers["sec-websocket-accept"] !== acceptOf(key)) return "Invalid Sec-WebSocket-Accept header"
  if (headers["sec-websocket-extensions"] !== undefined) {
    return "Server sent a Sec-WebSocket-Extensions header but no extension was requested"
  }
  const chosen = headers["sec-websocket-protocol"]
  if (chosen === undefined) return subprotocols.length === 0 ? undefined : "Server sent no subprotocol"
  if (subprotocols.length === 0) return "Server sent a subprotocol but none was requested"
  return subprotocols.includes(chosen) ? undefined : "Server sent an invalid subprotocol"
}

const names = (headers: Readonly<Record<string, string>>, wanted: string): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === wanted)

/** Credentials of a url, as a header; one that the user gave comes first. */
const authorization = ({ password, username }: URL, headers: Readonly<Record<string, string>>): Array<string> => {
  if ((username === "" && password === "") || names(headers, "authorization")) return []
  const pair = `${Querystring.unescape(username)}:${Querystring.unescape(password)}`
  return ["Authorization", `Basic ${Buffer.from(pair).toString("base64")}`]
}

/** Names and values in turn: Node sends such a list as it is, and copies no dictionary. */
const headersOf = ({ dial, url }: UpgradeRequest, key: string): Array<string> => {
  const { headers, subprotocols } = dial
  return [
    ...(names(headers, "host") ? [] : ["Host", url.host]),
    ...Object.entries(headers).flat(),
    ...authorization(url, headers),
    "Sec-WebSocket-Version",
    "13",
    "Sec-WebSocket-Key",
    key,
    "Connection",
    "Upgrade",
    "Upgrade",
    "websocket",
    ...(subprotocols.length === 0 ? [] : ["Sec-WebSocket-Protocol", subprotocols.join(",")])
  ]
}

export class Handshake {
  /** Undefined once it has settled, or was given up. */
  attempt: HandshakeOwner | undefined
  readonly #request: Http.ClientRequest
  readonly #key: string
  readonly #subprotocols: ReadonlyArray<string>

  /** Throws what Node throws for a request that cannot be built. */
  constructor(upgrade: UpgradeRequest, attempt: HandshakeOwner) {
    const { dial, send, url, way } = upgrade
    const secure = url.protocol === "wss:"
    this.attempt = attempt
    this.#key = Crypto.randomBytes(16).toString("base64")
    this.#subprotocols = dial.subprotocols
    const request = (secure ? Https.request : Http.request)({
      ...way,
      host: url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname,
      port: url.port === "" ? (secure ? 443 : 80) : url.port,
      path: url.pathname + url.search,
      headers: headersOf(upgrade, this.#key)
    })
    this.#request = request
    request.on("error", (error) => this.#failed(error))
    request.on("response", (response) => this.attempt?.refused(response))
    request.on("upgrade", (response, socket, head) => this.#upgraded(response, socket, head))
    send(request, this)
  }

  /** Gives it up. */
  terminate(): void {
    this.attempt = undefined
    this.#request.destroy()
    // A request that is complete leaves its socket alone.
    this.#request.socket?.destroy()
  }

  #failed(error: Error): void {
    const { attempt } = this
    this.attempt = undefined
    attempt?.failed(error)
  }

  #upgraded({ headers }: Http.IncomingMessage, socket: Net.Socket, head: Buffer): void {
    const { attempt } = this
    this.attempt = undefined
    const flaw = attempt && flawOf(headers, this.#key, this.#subprotocols)
    if (attempt === undefined || flaw !== undefined) socket.destroy()
    if (flaw !== undefined) attempt?.failed(new Error(flaw))
    else attempt?.upgradedPlain(socket, head, headers["sec-websocket-protocol"] ?? "")
  }
}
