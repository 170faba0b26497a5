/**
 * Runs simulated venues on real sockets of this machine: a WebSocket server and an
 * HTTP server on one port per venue. Needs the package `ws`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as internal from "./internal/server.ts"
import type * as Simulator from "./Simulator.ts"

/**
 * The port is not free.
 *
 * @category errors
 * @since 0.1.0
 */
export class CannotListen extends Data.TaggedError("CannotListen")<{ readonly port: number; readonly cause: Error }> {
  override get message(): string {
    return `The simulator cannot listen on 127.0.0.1:${this.port} (${this.cause.message}). Leave \`port\` out to get a free one.`
  }
}

/**
 * Options of a simulator, and of its server.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Simulator.Options {
  /** Default: a free one. */
  readonly port?: number | undefined
  /** A connection on which more bytes wait to be read is cut. Default: 64 MiB. */
  readonly unread?: number | undefined
}

/**
 * A venue on a port of this machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServedVenue {
  readonly simulator: Simulator.Simulator
  readonly port: number
  /**
   * Where to find an address of the venue: `wss://ws.kraken.com/v2` becomes
   * `ws://127.0.0.1:40001/ws.kraken.com/v2`, `https:` becomes `http:`. Addresses of
   * others stay as they are.
   */
  readonly rewrite: (url: string) => string
}

/**
 * Serves a venue on a free port of 127.0.0.1 until the scope ends; then every
 * socket is closed. Its time is the machine's.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as SimulatorServer from "@kharbranth/feeds/simulator/SimulatorServer"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const venue = yield* SimulatorServer.serve("binance-spot")
 *   const url = venue.rewrite("https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5")
 *   const response = yield* Effect.promise(() => fetch(url))
 *   strictEqual(response.status, 200)
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve = (
  venue: Simulator.VenueId,
  options: Options = {}
): Effect.Effect<ServedVenue, CannotListen, Scope.Scope> =>
  Effect.mapError(internal.serve(venue, options), (cause) => new CannotListen({ port: options.port ?? 0, cause }))
