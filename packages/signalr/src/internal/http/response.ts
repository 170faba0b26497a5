/**
 * Reads the body of a response up to a bound, so that a server cannot fill the
 * memory with an answer that never ends.
 */
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import { concat } from "../kit/bytes.ts"

/** The body's bytes, or `undefined` when there are more than `max`. */
export const readBytes = (
  response: HttpClientResponse.HttpClientResponse,
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
export const readBody = (
  response: HttpClientResponse.HttpClientResponse,
  max: number
): Effect.Effect<string | undefined, HttpClientError.HttpClientError> =>
  Effect.map(readBytes(response, max), (bytes) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes)))
