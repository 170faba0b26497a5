/** What runs HTTP requests: by default the platform's `fetch` with a bound on the answer, aborted when it is interrupted. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Door from "../../Rest.ts"
import { FetchFailed } from "./errors.ts"

const tooLarge = (max: number) => new FetchFailed({ issue: `the answer has more than ${max} bytes`, cause: undefined })

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, FetchFailed> =>
  Effect.tryPromise({
    try: run,
    // The cause may name the whole address, query included.
    catch: (cause) => new FetchFailed({ issue: cause instanceof Error ? cause.name : "it was refused", cause })
  })

/** Reads a body up to its bound. */
const bodyOf = (response: Response, max: number): Effect.Effect<string, FetchFailed> =>
  Effect.gen(function* () {
    if (Number(response.headers.get("content-length") ?? 0) > max) return yield* tooLarge(max)
    const reader = response.body?.getReader()
    if (reader === undefined) return ""
    const decoder = new TextDecoder()
    let size = 0
    let text = ""
    for (;;) {
      const part = yield* attempt(() => reader.read())
      if (part.done) return text + decoder.decode()
      size += part.value.byteLength
      if (size > max) return yield* tooLarge(max)
      text += decoder.decode(part.value, { stream: true })
    }
  })

const globalFetch: Door.Fetch = ({ maxBytes, method, url }) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new AbortController()),
    ({ signal }) =>
      Effect.gen(function* () {
        // The one place that runs requests; a service of your own replaces it.
        // oxlint-disable-next-line effecttsgo/global-fetch
        const response = yield* attempt(() => fetch(url, { method, signal }))
        const body = yield* bodyOf(response, maxBytes)
        return { status: response.status, retryAfter: response.headers.get("retry-after") ?? undefined, body }
      }),
    // What has been read to its end is not affected; the rest is let go.
    (controller) => Effect.sync(() => controller.abort())
  )

export const Fetch = Context.Reference<Door.Fetch>("@kharbranth/feeds/Rest/Fetch", {
  defaultValue: () => globalFetch
})
