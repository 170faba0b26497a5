/**
 * Reads what an HTTP response says: its body up to a bound, so that a server
 * cannot fill the memory with an answer that never ends, and `Retry-After`.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import { concat } from "../kit/bytes.ts"

type Response = HttpClientResponse.HttpClientResponse

/** The body's bytes, or `undefined` when there are more than `max`. */
export const readBytes = (
  response: Response,
  max: number
): Effect.Effect<Uint8Array | undefined, HttpClientError.HttpClientError> =>
  Effect.suspend(() => {
    const pieces: Array<Uint8Array> = []
    let size = 0
    return response.stream.pipe(
      Stream.takeWhile((bytes) => {
        size += bytes.length
        if (size <= max) pieces.push(bytes)
        return size <= max
      }),
      Stream.runDrain,
      // A response without a body has no stream to read.
      Effect.catchIf(
        (error) => error.reason._tag === "EmptyBodyError",
        () => Effect.void
      ),
      Effect.map(() => (size > max ? undefined : concat(pieces, size)))
    )
  })

/** The body as text, or `undefined` when it is larger than `max` bytes. */
export const readText = (
  response: Response,
  max: number
): Effect.Effect<string | undefined, HttpClientError.HttpClientError> =>
  Effect.map(readBytes(response, max), (bytes) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes)))

/** The wait that the header `Retry-After` asks for, in seconds or as a date seen from now. */
export const retryAfter = (response: Response): Effect.Effect<Duration.Duration | undefined> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const header = response.headers["retry-after"]
    if (header === undefined) return undefined
    if (/^\d+$/.test(header)) return Duration.seconds(Number(header))
    const at = Date.parse(header)
    return Number.isNaN(at) ? undefined : Duration.millis(Math.max(0, at - now))
  })
