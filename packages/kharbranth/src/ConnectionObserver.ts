/**
 * Shows observers every connection that a program makes, those of managers,
 * pools, feeds and hubs included. `Recorder` and `@kharbranth/telemetry` are built
 * on it. Without an observer it costs nothing.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as Layer from "effect/Layer"
import type { Connection } from "./Connection.ts"
import type { ConnectionEvent } from "./ConnectionEvent.ts"
import type { Figures } from "./ConnectionMetrics.ts"
import type { ConnectionState } from "./ConnectionState.ts"
import * as watching from "./internal/connection/run/watching.ts"
import * as internal from "./internal/connection/use/observe.ts"
import * as observers from "./internal/connection/use/observers.ts"
import type { Topic } from "./Session.ts"

/**
 * Steers one connection. The connection of a manager, a pool or a hub is theirs:
 * to close it may end them too.
 *
 * @category models
 * @since 0.1.0
 */
export type Control = Pick<Connection<never, never>, "restart" | "rotate" | "probe" | "pause" | "resume" | "close">

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
  /** The topics that `Subscriptions` keep on it. */
  readonly topics: ReadonlyArray<Topic>
  readonly control: Control
  /**
   * Calls the function for each event from now on, as `Listener.event` is called,
   * until you call what it returns. Without any listener no event is built.
   */
  readonly listen: (event: (event: ConnectionEvent) => void) => () => void
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
  /** Each event from the first dial on. Default: none, until you `listen`. */
  readonly event?: ((event: ConnectionEvent) => void) | undefined
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
 * Observes every connection that is made with it, beside the other layers that
 * observe: telemetry, a recorder and an observer of yours go together. Provided to
 * a part of a program, it sees the connections of that part alone.
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
 *     Effect.provide(ConnectionObserver.layer((connection) => ({
 *       event: (event) => {
 *         if (event._tag === "GatePassed") seen.push(event.gate)
 *       },
 *       ended: () => seen.push(`${connection.name} of ${connection.origin}`)
 *     })))
 *   )
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * deepStrictEqual(seen, ["Open", "Ready", "echo of wss://echo.example"])
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (observer: Observer): Layer.Layer<never> => observers.layer(make(observer))

/**
 * Makes an observer that connections can be made with. As the service
 * `ConnectionObserver` it is the only one; `layer` adds it to the others.
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
export const ConnectionObserver: Context.Reference<Observation | undefined> = watching.ConnectionObserver
