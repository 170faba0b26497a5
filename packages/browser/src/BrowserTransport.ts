/**
 * The transport on the platform's own `WebSocket`: a page's, a worker's, and
 * the global one of Node 22 and later, Bun and Deno.
 *
 * This transport does not imitate what such a socket cannot do. The socket has
 * no ping frames: give the heartbeat a text or JSON probe, or let it only listen.
 * It sends no headers and cannot stop reading. It hides why a dial failed;
 * `diagnose` asks the server by HTTP. The API refuses close codes other than 1000
 * and 3000–4999, so 1001–1015 are sent as 4001–4015 and anything else as 4000. A
 * message is measured after the platform has received it, so `maxMessageSize`
 * protects your program, not the platform's own buffer.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { DialError, DialFailed } from "kharbranth/ConnectionError"
import * as Transport from "kharbranth/Transport"
import { explain } from "./internal/link/diagnosis.ts"
import * as SocketLink from "./internal/link/socketLink.ts"
import * as StreamLink from "./internal/link/streamLink.ts"

/**
 * What a diagnosis found out about a dial that failed: the HTTP status that
 * the server gives, or that it cannot be reached at all. `undefined` says
 * nothing, and the failure stays unknown.
 *
 * @category models
 * @since 0.1.0
 */
export type Finding =
  | { readonly _tag: "Rejected"; readonly status: number; readonly retryAfter: Duration.Duration | undefined }
  | { readonly _tag: "Unreachable" }

/**
 * Asks why a dial failed. It may fail or hang: its time is bounded and its
 * failures are ignored. The url may hold secrets.
 *
 * @category models
 * @since 0.1.0
 */
export type Ask = (dial: {
  readonly connection: string
  readonly epoch: number
  readonly url: string
}) => Effect.Effect<Finding | undefined, unknown>

/**
 * A way to find out why a dial failed; `diagnosis` makes one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Diagnosis {
  /** The true failure of this dial, as far as it can be found out. */
  readonly explain: (dial: Transport.Dial, failed: DialFailed) => Effect.Effect<DialError>
}

/**
 * Options of `layer` and `layerStream`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Finds out why a dial failed, because the platform does not say. Default:
   * none, and such a failure is `DialFailed` of kind `"unknown"` (`"unreachable"`
   * while the platform says that it is offline).
   */
  readonly diagnose?: Diagnosis | undefined
}

const capabilities: Transport.Capabilities = {
  ping: false,
  pause: false,
  headers: false,
  bytes: false,
  // RFC 6455, section 4.1: one socket to an address connects at a time. Browsers make the others wait.
  concurrentDials: false
}

/**
 * Dials with `globalThis.WebSocket`.
 *
 * @example
 * ```ts
 * import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
 * import * as Effect from "effect/Effect"
 * import * as Transport from "kharbranth/Transport"
 * import { deepStrictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const transport = yield* Transport.Transport
 *   const { ping, pause, headers, bytes } = transport.capabilities
 *   deepStrictEqual([ping, pause, headers, bytes], [false, false, false, false])
 * })
 *
 * Effect.runSync(program.pipe(Effect.provide(BrowserTransport.layer())))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Transport.Transport> =>
  Layer.succeed(Transport.Transport, {
    name: "browser",
    capabilities,
    dial: SocketLink.dial((url, subprotocols) => new globalThis.WebSocket(url, subprotocols), options?.diagnose)
  })

/**
 * Dials with `globalThis.WebSocketStream` where the platform has it, so that a
 * reader that is too slow stops the server (capability `pause`), and with
 * `globalThis.WebSocket` elsewhere. A frame costs more than with `layer`: use
 * it where inbound backpressure matters more than the rate of small messages.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStream = (options?: Options): Layer.Layer<Transport.Transport> =>
  Layer.suspend(() => {
    const make = StreamLink.constructor()
    return make === undefined
      ? layer(options)
      : Layer.succeed(Transport.Transport, {
          name: "browser-stream",
          capabilities: { ...capabilities, pause: Transport.backpressure },
          dial: StreamLink.dial(make, options?.diagnose)
        })
  })

/**
 * A diagnosis that asks, for at most this long. Default: 2 seconds.
 *
 * @category diagnosis
 * @since 0.1.0
 */
export const diagnosis = (ask: Ask, atMost: Duration.Input = "2 seconds"): Diagnosis => ({
  explain: (dial, failed) => explain(dial, failed, ask, atMost)
})

/**
 * A diagnosis that repeats the request as plain HTTP: GET on the same host,
 * path and query, with the page's cookies, nothing followed, nothing cached.
 * Only the statuses 401, 403, 429 and 5xx are believed: others (400, 404, 426)
 * are what a healthy WebSocket endpoint answers to plain HTTP. From another
 * origin the server must allow the page by CORS, or the finding is empty.
 *
 * @category diagnosis
 * @since 0.1.0
 */
export const diagnoseByFetch: Diagnosis = /* @__PURE__ */ diagnosis(({ url }) =>
  Effect.tryPromise((signal) =>
    fetch(url.replace(/^ws/, "http"), { signal, cache: "no-store", credentials: "include", redirect: "manual" })
  ).pipe(Effect.map(findingOf))
)

const findingOf = (response: Response): Finding | undefined => {
  const { status } = response
  void response.body?.cancel()
  return status === 401 || status === 403 || status === 429 || status >= 500
    ? { _tag: "Rejected", status, retryAfter: retryAfterOf(response.headers.get("retry-after")) }
    : undefined
}

/** Only the form in seconds: a date would be compared with a clock that may be wrong. */
const retryAfterOf = (value: string | null): Duration.Duration | undefined =>
  value !== null && /^\d{1,9}$/.test(value) ? Duration.seconds(Number(value)) : undefined
