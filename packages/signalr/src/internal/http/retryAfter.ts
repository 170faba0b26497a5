/** Reads the header `Retry-After`: seconds, or a date seen from now. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"

export const retryAfter = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<Duration.Duration | undefined> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const header = response.headers["retry-after"]
    if (header === undefined) return undefined
    if (/^\d+$/.test(header)) return Duration.seconds(Number(header))
    const at = Date.parse(header)
    return Number.isNaN(at) ? undefined : Duration.millis(Math.max(0, at - now))
  })
