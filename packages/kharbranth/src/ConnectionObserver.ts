/**
 * Lets one observer see every connection that a program makes, those of
 * managers, pools and hubs included. `@kharbranth/telemetry` is built on it. Without
 * an observer it costs nothing.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { ConnectionEvent } from "./ConnectionEvent.ts"
import type { Figures } from "./ConnectionMetrics.ts"
import type { ConnectionState } from "./ConnectionState.ts"
import * as internal from "./internal/connection/use/observe.ts"

/**
 * A connection as its observer sees it. Each property is read when you ask for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Observed {
  readonly name: string
  readonly tags: ReadonlyArray<string>
  /** Scheme, host and port of the last dial, or of the first to come; `undefined` before its url is known. */
  readonly origin: string | undefined
  readonly state: ConnectionState
  readonly figures: Figures
}

/**
 * What an observer wants to hear of one connection. Both functions are called
 * in the turn in which it happens, so they must be short. One that throws is
 * logged, and its connection is no longer observed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  readonly event: (event: ConnectionEvent) => void
  /** The connection and its scope are over; its figures are final. */
  readonly ended: () => void
}

/**
 * Is called for each connection before its first dial.
 *
 * @category models
 * @since 0.1.0
 */
export type Observer = (connection: Observed) => Listener

declare const made: unique symbol

/**
 * An observer that connections can be made with. Opaque: `make` makes it. It
 * comes with its own code, so a page without an observer does not carry that.
 *
 * @category models
 * @since 0.1.0
 */
export interface Observation {
  /** Nobody else can make one. */
  readonly [made]: true
}

/**
 * Makes an observer that connections can be made with.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as ConnectionObserver from "kharbranth/ConnectionObserver"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { deepStrictEqual } from "node:assert"
 *
 * const seen: Array<string> = []
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make({ seed: 1 })
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   yield* Connection.make("echo", { target: "wss://echo.example/?token=secret" }).pipe(
 *     network.provide,
 *     Effect.scoped,
 *     Effect.provideService(
 *       ConnectionObserver.ConnectionObserver,
 *       ConnectionObserver.make((connection) => ({
 *         event: (event) => {
 *           if (event._tag === "GatePassed") seen.push(event.gate)
 *         },
 *         ended: () => seen.push(`${connection.name} of ${connection.origin}`)
 *       }))
 *     )
 *   )
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * deepStrictEqual(seen, ["Open", "Ready", "echo of wss://echo.example"])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (observer: Observer) => Observation = internal.observation

/**
 * The observer that connections are made with, if there is one.
 *
 * @category services
 * @since 0.1.0
 */
export const ConnectionObserver: Context.Reference<Observation | undefined> = Context.Reference<
  Observation | undefined
>("kharbranth/ConnectionObserver", { defaultValue: () => undefined })
