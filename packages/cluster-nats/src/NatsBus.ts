/**
 * The bus of a fleet over NATS: what names receive, for many readers in other
 * processes. It uses core NATS, which keeps nothing; no stream has to be made.
 *
 * @since 0.1.0
 */
import * as FleetBus from "@kharbranth/cluster/FleetBus"
import type { BusFailed, InvalidFleet } from "@kharbranth/cluster/FleetError"
import type { NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as internal from "./internal/nats/broker.ts"
import * as dial from "./internal/nats/dial.ts"

/**
 * Options of `makeBroker`.
 *
 * @category options
 * @since 0.1.0
 */
export interface BrokerOptions {
  /** The first part of every subject: `<prefix>.<kind>.<name>`. Fleets that share a server need others. Default: `"kh"`. */
  readonly prefix?: string | undefined
  /** How many bytes may be on their way to the server; then names wait. Default: 4,194,304. */
  readonly window?: number | undefined
}

/**
 * Options of `layer`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends BrokerOptions, FleetBus.Options {
  /**
   * As for `connect` of `@nats-io/transport-node`: servers, credentials, TLS. Default: `127.0.0.1:4222`. Beside what you
   * give, it tries for ever to get back to a server that went away, and notices within 30 seconds one that fell silent.
   */
  readonly connect?: Omit<NodeConnectionOptions, "maxReconnectAttempts" | "noEcho" | "reconnect"> | undefined
}

/**
 * A broker over a connection of yours. It neither opens nor closes it: let it
 * reconnect for ever, or readers fail when it gives up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeBroker: (
  connection: NatsConnection,
  options?: BrokerOptions
) => Effect.Effect<FleetBus.Broker, InvalidFleet, Scope.Scope> = internal.make

/**
 * The bus over a connection of its own. It fails where no server answers at first;
 * later it waits for one to come back.
 *
 * @example
 * ```ts
 * // no-run
 * import * as FleetBus from "@kharbranth/cluster/FleetBus"
 * import * as FleetKind from "@kharbranth/cluster/FleetKind"
 * import * as NatsBus from "@kharbranth/cluster-nats/NatsBus"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Stream from "effect/Stream"
 * import * as Codec from "kharbranth/Codec"
 *
 * const Ticker = FleetKind.make("ticker", {
 *   params: Schema.Struct({ symbol: Schema.String }),
 *   codec: Codec.json,
 *   open: ({ symbol }) => ({ target: `wss://feed.example/${symbol}` }),
 *   consume: FleetBus.publish
 * })
 *
 * export const reader = Stream.runForEach(FleetBus.subscribe(Ticker, "btc"), (entry) => Effect.log(entry)).pipe(
 *   Effect.provide(NatsBus.layer({ connect: { servers: "nats.example:4222" } }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<FleetBus.FleetBus, BusFailed | InvalidFleet> =>
  Layer.effect(
    FleetBus.FleetBus,
    Effect.gen(function* () {
      const connection = yield* dial.connection(options.connect)
      return yield* FleetBus.make(yield* makeBroker(connection, options), options)
    })
  )
