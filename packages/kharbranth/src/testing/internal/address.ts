/**
 * Urls as the network routes them, and what a dial must look like to leave the
 * client at all.
 */
import * as ConnectionError from "../../ConnectionError.ts"
import { token } from "../../internal/model/token.ts"
import type * as Transport from "../../Transport.ts"

/** Where a url leads. */
export interface Address {
  readonly host: string
  readonly path: string
}

/** Where a url leads; `undefined` when it is not an absolute `ws:` or `wss:` url. */
export const parse = (url: string): Address | undefined => {
  if (!URL.canParse(url)) return undefined
  const { host, pathname, protocol } = new URL(url)
  return (protocol === "ws:" || protocol === "wss:") && host !== "" ? { host, path: pathname } : undefined
}

const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

const issueWith = (
  dial: Transport.Dial,
  capabilities: Transport.Capabilities
): { readonly path: ReadonlyArray<string | number>; readonly issue: string } | undefined => {
  if (parse(dial.url) === undefined) return { path: ["target", "url"], issue: "it is not an absolute ws: or wss: url" }
  if (dial.url.includes("#")) return { path: ["target", "url"], issue: "a WebSocket url has no fragment" }
  const seen = new Set<string>()
  for (const [index, protocol] of dial.subprotocols.entries()) {
    const path = ["target", "subprotocols", index]
    if (!token.test(protocol)) return { path, issue: "it is not a token of RFC 9110" }
    if (seen.has(protocol)) return { path, issue: "it is given twice" }
    seen.add(protocol)
  }
  for (const [name, value] of Object.entries(dial.headers)) {
    if (!token.test(name)) return { path: ["target", "headers"], issue: "a name is not a token of RFC 9110" }
    const path = ["target", "headers", name]
    if (!capabilities.headers) return { path, issue: "this transport cannot send headers" }
    if (!headerValue.test(value)) return { path, issue: "its value has a character that headers cannot carry" }
  }
  return undefined
}

/** What is wrong with a dial before anything is sent. */
export const check = (
  dial: Transport.Dial,
  capabilities: Transport.Capabilities
): ConnectionError.InvalidOptions | undefined => {
  const found = issueWith(dial, capabilities)
  return found && new ConnectionError.InvalidOptions({ connection: dial.connection, ...found })
}
