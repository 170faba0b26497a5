/**
 * Validates the parts of a target. An `InvalidOptions` names the place and the
 * rule, never the value: it may be a secret.
 */
import * as Result from "effect/Result"
import type { InvalidOptions } from "../../ConnectionError.ts"
import * as Heartbeat from "../../Heartbeat.ts"
import type { Target } from "../../Target.ts"
import type { Capabilities } from "../../Transport.ts"
import { attempt } from "../kit/guard.ts"
import { invalid, type Path } from "../model/check.ts"
import { token } from "../model/token.ts"

type Validated<A> = Result.Result<A, InvalidOptions>

/** Where one value stands, and what it may be used for. */
export interface Place {
  readonly connection: string
  readonly path: Path
  /** What headers the transport can send. */
  readonly headers: Capabilities["headers"]
  /** Whether the transport can ping, for heartbeats; not known where it is `undefined`. */
  readonly ping: unknown
}

const fail = (place: Place, path: Path, issue: string): Result.Result<never, InvalidOptions> =>
  Result.fail(invalid(place.connection, [...place.path, ...path], issue))

const schemes: Readonly<Record<string, string>> = { "ws:": "ws:", "wss:": "wss:", "http:": "ws:", "https:": "wss:" }

const parse = (value: unknown): URL | undefined =>
  attempt(
    () => (value instanceof URL ? new URL(value.href) : typeof value === "string" ? new URL(value) : undefined),
    () => undefined
  )

export const url = (place: Place, value: unknown): Validated<string> => {
  const parsed = parse(value)
  if (parsed === undefined) return fail(place, [], "expected an absolute url, such as wss://host/path")
  const scheme = schemes[parsed.protocol]
  if (scheme === undefined) return fail(place, [], "expected the scheme ws, wss, http or https")
  if (parsed.protocol !== scheme) parsed.protocol = scheme
  if (parsed.href.includes("#")) return fail(place, [], "a WebSocket url has no fragment; remove everything from the #")
  return Result.succeed(parsed.href)
}

export const subprotocols = (place: Place, value: unknown): Validated<ReadonlyArray<string>> => {
  if (value === undefined) return Result.succeed([])
  if (!Array.isArray(value)) return fail(place, [], "expected an array of subprotocol names")
  const list: ReadonlyArray<unknown> = value
  const seen = new Set<string>()
  for (const [index, name] of list.entries()) {
    if (typeof name !== "string" || !token.test(name)) {
      return fail(place, [index], "a subprotocol is a token: letters, digits and !#$%&'*+-.^_`|~ only")
    }
    if (seen.has(name)) return fail(place, [index], "the same subprotocol stands in the list twice")
    seen.add(name)
  }
  return Result.succeed([...seen])
}

/** Whether a transport can send headers, and which, is its own affair. */
export const headers = (place: Place, value: unknown): Validated<Readonly<Record<string, string>>> => {
  if (value === undefined) return Result.succeed({})
  if (place.headers !== false) {
    return Result.mapError(place.headers(value), ({ issue, path }) =>
      invalid(place.connection, [...place.path, ...path], issue)
    )
  }
  if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return Result.succeed({})
  return fail(
    place,
    [],
    "this transport cannot send headers; put the credential into the url, a subprotocol or the `onOpen` program"
  )
}

const epochOf = (value: unknown): number => {
  if (typeof value === "number") return value
  if (value instanceof Date) return value.getTime()
  return typeof value === "object" && value !== null && "epochMilliseconds" in value
    ? Number(value.epochMilliseconds)
    : NaN
}

export const expiresAt = (place: Place, value: unknown): Validated<number | undefined> => {
  if (value === undefined) return Result.succeed(undefined)
  const epoch = epochOf(value)
  return Number.isFinite(epoch)
    ? Result.succeed(epoch)
    : fail(place, [], "expected a moment: Unix milliseconds, a Date or a DateTime")
}

const isHeartbeat = (value: unknown): value is Heartbeat.Heartbeat =>
  (value as { readonly probe?: unknown } | null)?.probe !== undefined

export const heartbeat = (place: Place, value: unknown): Validated<Heartbeat.Heartbeat | undefined> => {
  if (value === undefined) return Result.succeed(value)
  if (!isHeartbeat(value)) return fail(place, [], "expected a heartbeat")
  const wrong = Heartbeat.check(value, place, place.connection)
  // Its path begins with "heartbeat", and so does the place's end.
  return wrong === undefined ? Result.succeed(value) : fail(place, wrong.path.slice(1), wrong.issue)
}

/** The parts of a target, as given or resolved but not validated. */
export interface Parts {
  readonly url: unknown
  readonly subprotocols: unknown
  readonly headers: unknown
  readonly expiresAt: unknown
  readonly heartbeat: unknown
}

// The same for all, so that a transport can see that nothing differs.
const noNames: ReadonlyArray<string> = []
const noFields: Readonly<Record<string, string>> = {}

export const target = (place: Place, parts: Parts, urlPath: Path): Validated<Target> => {
  const at = (path: Path): Place => ({ ...place, path: [...place.path, ...path] })
  const address = url(urlPath.length === 0 ? place : at(urlPath), parts.url)
  if (Result.isFailure(address)) return Result.fail(address.failure)
  // Most targets are a url and nothing else.
  const { expiresAt: expiry, headers: fields, heartbeat: beat, subprotocols: names } = parts
  if (names === undefined && fields === undefined && expiry === undefined && beat === undefined) {
    const url = address.success
    return Result.succeed({ url, subprotocols: noNames, headers: noFields, expiresAt: undefined, heartbeat: undefined })
  }
  return Result.all({
    url: address,
    subprotocols: subprotocols(at(["subprotocols"]), names),
    headers: headers(at(["headers"]), fields),
    expiresAt: expiresAt(at(["expiresAt"]), expiry),
    heartbeat: heartbeat(at(["heartbeat"]), beat)
  })
}
