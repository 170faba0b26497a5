/**
 * Makes the HTTP upgrade request of one dial from the transport's options and
 * the `Dial`. Checks everything that `ws` or Node would otherwise throw for.
 */
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { WebSocket } from "ws"
import type { Compression, Options, TlsOptions } from "../../NodeTransport.ts"
import { codeOf } from "../link/errors.ts"
import { createConnection, directAgent } from "./connect.ts"
import { invalid } from "./errors.ts"
import * as Phases from "./phases.ts"
import * as Proxy from "./proxy.ts"

/** How a request gets its socket: what Node's `request` takes, and hands on to an agent and to TLS. */
export interface Way {
  readonly agent?: Http.Agent
  readonly createConnection?: NonNullable<Http.RequestOptions["createConnection"]>
  readonly localAddress?: string
  readonly rejectUnauthorized?: boolean
  readonly secureContext?: Tls.SecureContext
  readonly servername?: string
  /** For the agent of a proxy. */
  readonly secureEndpoint?: boolean
}

export interface UpgradeRequest {
  readonly dial: Dial
  readonly url: URL
  readonly proxy: URL | undefined
  readonly way: Way
  /** Sends the request for what made it. */
  readonly send: typeof Phases.send
  readonly compression: NonNullable<WebSocket.ClientOptions["perMessageDeflate"]>
  readonly maxPayload: number
}

/** The way of a dial that goes through no proxy. */
const direct = ({ protocol }: URL): Way => (protocol === "ws:" ? { agent: directAgent } : { createConnection })

/** `ws` keeps the limit in a signed 32-bit number and takes 0 for "none". */
const maxPayload = (size: number): number => Math.max(1, Math.min(Math.floor(size), 0x7fff_ffff))

const token = /^[!#$%&'*+\-.0-9A-Z^_`|a-z~]+$/

const checkUrl = (dial: Dial): ConnectionError.InvalidOptions | URL => {
  const path = ["target", "url"]
  const url = URL.canParse(dial.url) ? new URL(dial.url) : undefined
  if (url === undefined) return invalid(dial, path, "not an absolute url.")
  if (url.protocol !== "ws:" && url.protocol !== "wss:") return invalid(dial, path, "its scheme must be ws: or wss:.")
  return url.hash === "" ? url : invalid(dial, path, "a WebSocket url has no fragment.")
}

const checkSubprotocols = (dial: Dial): ConnectionError.InvalidOptions | undefined => {
  if (dial.subprotocols.length === 0) return undefined
  const seen = new Set<string>()
  for (const [index, name] of dial.subprotocols.entries()) {
    const path = ["target", "subprotocols", index]
    if (!token.test(name))
      return invalid(dial, path, "a subprotocol is an HTTP token: letters, digits and !#$%&'*+-.^_`|~.")
    if (seen.has(name)) return invalid(dial, path, "this subprotocol is listed twice.")
    seen.add(name)
  }
  return undefined
}

const isValidHeader = (name: string, value: string): boolean => {
  try {
    Http.validateHeaderName(name)
    Http.validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}

const checkHeaders = (dial: Dial): ConnectionError.InvalidOptions | undefined => {
  for (const [name, value] of Object.entries(dial.headers)) {
    if (!isValidHeader(name, value)) {
      return invalid(
        dial,
        ["target", "headers", token.test(name) ? name : "<not a header name>"],
        "name or value has characters that HTTP does not allow."
      )
    }
  }
  return undefined
}

const compressionOf = (option: boolean | Compression | undefined): UpgradeRequest["compression"] => {
  if (option === undefined || option === false) return false
  const { contextTakeover = true, level, memLevel, threshold = 1_024 } = option === true ? {} : option
  const noTakeover = contextTakeover ? {} : { clientNoContextTakeover: true, serverNoContextTakeover: true }
  const deflate = {
    ...(level === undefined ? {} : { level }),
    ...(memLevel === undefined ? {} : { memLevel })
  }
  return { ...noTakeover, threshold, zlibDeflateOptions: deflate }
}

const reveal = <A extends string | Uint8Array>(secret: A | Redacted.Redacted<A>): A =>
  Redacted.isRedacted(secret) ? Redacted.value(secret) : secret

const asPem = (bytes: string | Uint8Array): string | Buffer => (typeof bytes === "string" ? bytes : Buffer.from(bytes))

const asCa = (ca: NonNullable<TlsOptions["ca"]>) =>
  typeof ca === "string" || ca instanceof Uint8Array ? asPem(ca) : ca.map(asPem)

const secureContext = (tls: TlsOptions): Tls.SecureContext =>
  Tls.createSecureContext({
    ...(tls.ca === undefined ? {} : { ca: asCa(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: asPem(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: asPem(reveal(tls.key)) }),
    ...(tls.passphrase === undefined ? {} : { passphrase: reveal(tls.passphrase) })
  })

/**
 * Makes requests with these options. The TLS material is parsed once, at the
 * first `wss:` dial.
 */
export const make = (options: Options): ((dial: Dial) => UpgradeRequest | ConnectionError.InvalidOptions) => {
  let context: Tls.SecureContext | undefined
  const tlsOptions = (dial: Dial, url: URL): Way | ConnectionError.InvalidOptions | undefined => {
    const { tls } = options
    if (tls === undefined || url.protocol !== "wss:") return undefined
    const servername = tls.servername === undefined ? {} : { servername: tls.servername }
    try {
      return { ...servername, secureContext: (context ??= secureContext(tls)) }
    } catch (error) {
      return invalid(dial, ["tls"], `ca, cert, key or passphrase does not load (${codeOf(error) ?? "unreadable"}).`)
    }
  }
  const offer = compressionOf(options.compression)
  // A connection that asks for compression gets the transport's settings for it, where it has some.
  const wanted = offer === false ? compressionOf(true) : offer
  const { localAddress } = options
  const build = (dial: Dial): UpgradeRequest | ConnectionError.InvalidOptions => {
    const url = checkUrl(dial)
    if (!(url instanceof URL)) return url
    const flaw = checkSubprotocols(dial) ?? checkHeaders(dial)
    if (flaw !== undefined) return flaw
    if (localAddress !== undefined && Net.isIP(localAddress) === 0) {
      return invalid(dial, ["localAddress"], "not an IP address of this machine.")
    }
    const proxy = Proxy.resolve(dial, url, options.proxy)
    if (proxy instanceof ConnectionError.InvalidOptions) return proxy
    const tls = tlsOptions(dial, url)
    if (tls instanceof ConnectionError.InvalidOptions) return tls
    return {
      dial,
      url,
      proxy,
      way: {
        ...tls,
        ...(proxy === undefined ? direct(url) : {}),
        ...(localAddress === undefined ? {} : { localAddress }),
        // stated, so that no environment variable can switch it off; Node copies each option several times
        ...(url.protocol === "wss:" ? { rejectUnauthorized: true } : {})
      },
      send: Phases.send,
      compression: dial.compression === undefined ? offer : dial.compression && wanted,
      maxPayload: maxPayload(dial.maxMessageSize)
    }
  }
  let last: UpgradeRequest | undefined
  // A fleet dials one url again and again: the last request serves again, but for the proxy that the environment names.
  const again = (dial: Dial): UpgradeRequest | ConnectionError.InvalidOptions | undefined => {
    if (last === undefined || !isAlike(dial, last.dial)) return undefined
    const proxy = options.proxy === undefined ? Proxy.resolve(dial, last.url, undefined) : last.proxy
    return proxy instanceof ConnectionError.InvalidOptions ? proxy : { ...last, dial, proxy }
  }
  return (dial) => {
    const request = again(dial) ?? build(dial)
    if (!(request instanceof ConnectionError.InvalidOptions)) last = request
    return request
  }
}

/** The way that dials to an origin take, where it is not the system's own. */
export const egressOf =
  ({ localAddress, proxy }: Options) =>
  (origin: string): string | undefined => {
    const through = Proxy.hostOf(new URL(origin), proxy)
    if (localAddress === undefined || through === undefined) return through ?? localAddress
    return `${through} from ${localAddress}`
  }

/** Whether everything that a request depends on is the same. */
const isAlike = (a: Dial, b: Dial): boolean =>
  a.url === b.url &&
  a.headers === b.headers &&
  a.subprotocols === b.subprotocols &&
  a.maxMessageSize === b.maxMessageSize &&
  a.compression === b.compression
