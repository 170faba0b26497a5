/** The hosts of a target, as far as they are known without dialing. */
import * as Effect from "effect/Effect"

const hostOf = (url: unknown): ReadonlyArray<string> => {
  if (typeof url !== "string" && !(url instanceof URL)) return []
  return URL.canParse(url) ? [new URL(url).host] : []
}

export const hostsOf = (target: unknown): ReadonlyArray<string> => {
  if (typeof target !== "object" || target === null || target instanceof URL) return hostOf(target)
  if (Effect.isEffect(target) || !("url" in target)) return []
  const urls: ReadonlyArray<unknown> = Array.isArray(target.url) ? target.url : [target.url]
  return [...new Set(urls.flatMap(hostOf))]
}
