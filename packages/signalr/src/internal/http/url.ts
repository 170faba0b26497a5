/**
 * The urls of a hub: where to negotiate, where to connect, and the same place
 * as a WebSocket or as HTTP. Pure text work; the user's own query is never
 * rewritten here.
 */
import * as Result from "effect/Result"

type Parsed = Result.Result<URL, string>

const httpScheme: Readonly<Record<string, string>> = {
  "http:": "http:",
  "https:": "https:",
  "ws:": "http:",
  "wss:": "https:"
}

const documentBase = (): string | undefined => (globalThis as { document?: { baseURI?: string } }).document?.baseURI

/** The hub's url as HTTP. Fails with what is wrong, never with the url itself. */
export const parse = (url: string): Parsed => {
  if (url === "") return Result.fail("it is empty; give the hub's url")
  const base = documentBase()
  if (!URL.canParse(url, base)) {
    return Result.fail(
      base === undefined ? "it is not absolute, and there is no page to resolve it against" : "it is not a url"
    )
  }
  const parsed = new URL(url, base)
  const scheme = httpScheme[parsed.protocol]
  if (scheme === undefined) return Result.fail(`its scheme ${parsed.protocol} is none of http, https, ws, wss`)
  parsed.hash = ""
  // `protocol` refuses to switch between special and other schemes, so the text is switched.
  return Result.succeed(new URL(scheme + parsed.href.slice(parsed.protocol.length)))
}

const addQuery = (url: URL, name: string, value: string): URL => {
  const next = new URL(url)
  next.search = `${url.search === "" ? "?" : `${url.search}&`}${name}=${encodeURIComponent(value)}`
  return next
}

const addIfAbsent = (url: URL, name: string, value: string): URL =>
  url.searchParams.has(name) ? url : addQuery(url, name, value)

/** Whether the user's own url already decides about stateful reconnect. */
export const statefulInUrl = (url: URL): boolean | undefined => {
  const value = url.searchParams.get("useStatefulReconnect")
  return value === null ? undefined : value === "true"
}

/** Where to negotiate: the hub's path and `negotiate`, the query kept. */
export const negotiate = (url: URL, statefulReconnect: boolean): URL => {
  const next = new URL(url)
  next.pathname = `${url.pathname}${url.pathname.endsWith("/") ? "" : "/"}negotiate`
  const versioned = addIfAbsent(next, "negotiateVersion", "1")
  return statefulReconnect ? addIfAbsent(versioned, "useStatefulReconnect", "true") : versioned
}

/** Where to connect with a negotiated token. */
export const connect = (url: URL, token: string): URL => addQuery(url, "id", token)

/** The token in the query, for places where no header can carry it. */
export const withAccessToken = (url: URL, token: string): URL => addQuery(url, "access_token", token)

/** The same place as a WebSocket. */
export const toWebSocket = (url: URL): string => url.href.replace(/^http/, "ws")
