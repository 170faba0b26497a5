// The library ships no types, so readers of this source need ours.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./proxy-from-env.d.ts" />
/**
 * Which proxy a dial goes through, and the agent that opens the tunnel.
 */
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"
import * as Redacted from "effect/Redacted"
import { HttpsProxyAgent } from "https-proxy-agent"
import { getProxyForUrl } from "proxy-from-env"
import { invalid } from "./errors.ts"

export type Proxy = string | URL | Redacted.Redacted<string> | false | undefined

// the variables are named after http and https, whatever is spoken inside the tunnel
const fromEnvironment = (url: URL): string => {
  const http = new URL(url)
  http.protocol = url.protocol === "wss:" ? "https:" : "http:"
  return getProxyForUrl(http)
}

const plain = (proxy: Exclude<Proxy, false | undefined>): string =>
  Redacted.isRedacted(proxy) ? Redacted.value(proxy) : String(proxy)

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const isUsable = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { password, protocol, username } = new URL(text)
  return /^https?:$/.test(protocol) && decode(username) !== undefined && decode(password) !== undefined
}

const textOf = (url: URL, option: Proxy): string =>
  option === false ? "" : option === undefined ? fromEnvironment(url) : plain(option)

/** Where the tunnel to a url begins, without credentials; `undefined` for a direct connection. */
export const hostOf = (url: URL, option: Proxy): string | undefined => {
  const text = textOf(url, option)
  return isUsable(text) ? new URL(text).host : undefined
}

/**
 * The proxy for a url, or `undefined` for a direct connection.
 */
export const resolve = (dial: Dial, url: URL, option: Proxy): URL | undefined | ConnectionError.InvalidOptions => {
  const text = textOf(url, option)
  if (text === "") return undefined
  if (isUsable(text)) return new URL(text)
  const source = option === undefined ? "the environment's proxy" : "the proxy"
  return invalid(
    dial,
    ["proxy"],
    `${source} must be an absolute http: or https: url, its credentials percent-encoded; \`proxy: false\` dials directly.`
  )
}

const credentials = (proxy: URL): Record<string, string> => {
  if (proxy.username === "" && proxy.password === "") return {}
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { "Proxy-Authorization": `Basic ${Buffer.from(pair).toString("base64")}` }
}

/**
 * An agent for one tunnel. Credentials travel as a header and not in the url,
 * which the agent would print under `DEBUG`; the signal ends a proxy that never
 * answers, for whose socket there is no other handle.
 */
export const agent = (
  proxy: URL,
  options: { readonly localAddress: string | undefined; readonly signal: AbortSignal }
): HttpsProxyAgent<string> => {
  const bare = new URL(proxy)
  bare.username = ""
  bare.password = ""
  const connect = { headers: credentials(proxy), signal: options.signal, rejectUnauthorized: true }
  return new HttpsProxyAgent<string>(
    bare,
    options.localAddress === undefined ? connect : { ...connect, localAddress: options.localAddress }
  )
}
