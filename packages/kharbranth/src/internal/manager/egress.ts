/**
 * What a connection's dials are counted under: the origins of its urls where
 * they are known, with the way out to each, and whatever keys its options add.
 */
import * as Effect from "effect/Effect"
import type { Managed } from "../../ConnectionManager.ts"
import type { Transport } from "../../Transport.ts"
import { attempt } from "../kit/guard.ts"

const isKnown = (url: unknown): url is string | URL => typeof url === "string" || url instanceof URL

const egressOf = (url: string | URL, { egress }: Transport["Service"]): string | undefined =>
  attempt(
    () => {
      const { host, protocol } = new URL(url)
      const origin = `${protocol.replace("http", "ws")}//${host}`
      const way = egress?.(origin)
      return way === undefined ? origin : `${origin} via ${way}`
    },
    () => undefined
  )

const urlsOf = (target: unknown): ReadonlyArray<unknown> => {
  if (isKnown(target)) return [target]
  if (typeof target !== "object" || target === null || Effect.isEffect(target) || !("url" in target)) return [undefined]
  return Array.isArray(target.url) ? target.url : [target.url]
}

type KeysByEndpoint = ReadonlyArray<ReadonlyArray<string>>

// A fleet dials few hosts: what was found for the last url is kept.
let last: { readonly url: string; readonly transport: unknown; readonly keys: KeysByEndpoint } | undefined

const ofUrl = (url: string, transport: Transport["Service"]): KeysByEndpoint | undefined => {
  if (last?.url === url && last.transport === transport) return last.keys
  const egress = egressOf(url, transport)
  if (egress === undefined) return undefined
  last = { url, transport, keys: [[egress]] }
  return last.keys
}

/** What the dials of each endpoint are counted under, so that a host that is down holds back no other. */
export const keysOf = (
  name: string,
  target: unknown,
  managed: Managed,
  transport: Transport["Service"]
): KeysByEndpoint => {
  const isPlain = typeof target === "string" && managed.egress === undefined && managed.budget === undefined
  const found = isPlain ? ofUrl(target, transport) : undefined
  if (found !== undefined) return found
  const urls = urlsOf(target)
  const ways = urls.flatMap((url) => (isKnown(url) ? (egressOf(url, transport) ?? []) : []))
  // Where one origin is not known, nobody can tell the endpoints apart.
  const known = ways.length === urls.length && ways.length > 0
  const egresses = managed.egress !== undefined ? [managed.egress] : known ? ways : [`connection ${name}`]
  const { budget = [] } = managed
  return egresses.map((egress) => [egress].concat(budget))
}
