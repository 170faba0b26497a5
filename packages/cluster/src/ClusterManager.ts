/**
 * The layers of a fleet. `layerLocal` is a fleet of one process, with no database
 * and no port; `layer` is one process of many, on Effect Cluster.
 *
 * `effect/cluster` is tagged unstable: a minor release of Effect may need another
 * version of this package.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { InvalidOptions } from "kharbranth/ConnectionError"
import { ConnectionManager } from "kharbranth/ConnectionManager"
import type * as DialBudget from "kharbranth/DialBudget"
import type { Transport } from "kharbranth/Transport"
import { Cluster } from "./Cluster.ts"
import { Fleet } from "./Fleet.ts"
import type { ClusterFailed, InvalidFleet, StoreFailed } from "./FleetError.ts"
import type * as FleetKind from "./FleetKind.ts"
import { FleetStore, makeMemory } from "./FleetStore.ts"
import { alone } from "./internal/engine/engine.ts"
import * as engine from "./internal/engine/sharding.ts"
import * as runner from "./internal/fleet/runner.ts"
import type * as Lease from "./Lease.ts"
import { Watchdog } from "./Watchdog.ts"

/**
 * Options of `layerLocal`.
 *
 * @category options
 * @since 0.1.0
 */
export interface LocalOptions<Kinds extends ReadonlyArray<FleetKind.Any>> {
  /** Every kind that the fleet's names are of, with another id each. */
  readonly kinds: Kinds
  /** What the dials of this process may do, by key. Default: `DialBudget`'s. */
  readonly budget?: { readonly local?: DialBudget.Options | undefined } | undefined
}

/**
 * Options of `layer`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<Kinds extends ReadonlyArray<FleetKind.Any>> extends LocalOptions<Kinds> {
  /**
   * What dials may do, by key. `local`: of this process; default: `DialBudget`'s. `fleet`: of all processes together,
   * strictly, even if one dies; default: no limits. Its keys are those of the connections: an origin, or what a kind's
   * `budget` names. A dial may take 10 seconds at most for this to hold, which is the default of `dialTimeout`.
   */
  readonly budget?:
    | {
        readonly local?: DialBudget.Options | undefined
        readonly fleet?: Readonly<Record<string, DialBudget.Limit>> | undefined
      }
    | undefined
  /** How leases are held; the same in every process. Default: as `Lease.Options` says. */
  readonly lease?: Lease.Options | undefined
  /** How names move from one living process to another. Default: as `Lease.Moves` says. */
  readonly moves?: Lease.Moves | undefined
}

// How long one that leaves waits for others to ask for what it holds; a container has 30 seconds by default.
const patience = 20_000

const services = ({ fleet, manager }: runner.Runner): Context.Context<Fleet | ConnectionManager> =>
  Context.make(Fleet, fleet).pipe(Context.add(ConnectionManager, manager))

/**
 * A fleet of one process: wishes are in memory, and it owns every name. Programs
 * that use `Fleet` run the same under `layer`.
 *
 * @example
 * ```ts
 * import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
 * import { Fleet } from "@kharbranth/cluster/Fleet"
 * import * as FleetKind from "@kharbranth/cluster/FleetKind"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Codec from "kharbranth/Codec"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import { deepStrictEqual } from "node:assert"
 *
 * const Ticker = FleetKind.make("ticker", {
 *   params: Schema.Struct({ symbol: Schema.String }),
 *   codec: Codec.text,
 *   open: ({ symbol }) => ({ target: `wss://feed.example/${symbol}` })
 * })
 *
 * const program = Effect.gen(function*() {
 *   const fleet = yield* Fleet
 *   yield* fleet.ensure(Ticker, "btc", { symbol: "BTC" })
 *   return yield* fleet.send(Ticker, "btc", "hello")
 * })
 *
 * const main = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://feed.example/", TestNetwork.echo)
 *   const local = Effect.provide(program, ClusterManager.layerLocal({ kinds: [Ticker] }))
 *   return yield* network.provide(local)
 * })
 *
 * deepStrictEqual(await Effect.runPromise(Effect.scoped(main)), { _tag: "Written" })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLocal = <const Kinds extends ReadonlyArray<FleetKind.Any>>(
  options: LocalOptions<Kinds>
): Layer.Layer<
  Fleet | ConnectionManager,
  InvalidFleet | InvalidOptions,
  Transport | FleetKind.Requirements<Kinds[number]>
> =>
  Layer.effectContext(
    Effect.flatMap(makeMemory, (store) => runner.makeAlone(options, store, alone)).pipe(
      Effect.map(services),
      // The store in memory never fails.
      Effect.catchTag("StoreFailed", Effect.die)
    )
  )

/**
 * One process of a fleet. The verbs by name of its `ConnectionManager` reach every
 * name of the fleet; `changes`, `events` and `messages` are those of this process,
 * and so is what `connect` and `ensure` open. When the layer's scope ends, it leaves
 * the cluster, and hands over what it holds to those that ask for it.
 *
 * @example
 * ```ts
 * // no-run
 * import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
 * import * as FleetKind from "@kharbranth/cluster/FleetKind"
 * import * as SqlFleetStore from "@kharbranth/cluster/SqlFleetStore"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import * as Codec from "kharbranth/Codec"
 *
 * const Ticker = FleetKind.make("ticker", {
 *   params: Schema.Struct({ symbol: Schema.String }),
 *   codec: Codec.json,
 *   open: ({ symbol }) => ({ target: `wss://feed.example/${symbol}` })
 * })
 *
 * // It still needs a Transport, a SqlClient, a Watchdog, and a Cluster: `NodeFleet` has them for Node.
 * export const runner = ClusterManager.layer({ kinds: [Ticker] }).pipe(Layer.provide(SqlFleetStore.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const Kinds extends ReadonlyArray<FleetKind.Any>>(
  options: Options<Kinds>
): Layer.Layer<
  Fleet | ConnectionManager,
  ClusterFailed | InvalidFleet | InvalidOptions | StoreFailed,
  Transport | FleetStore | Cluster | Watchdog | FleetKind.Requirements<Kinds[number]>
> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const store = yield* FleetStore
      const { join } = yield* Cluster
      const { watch } = yield* Watchdog
      const joining = Effect.flatMap(join, (joined) => Effect.provideContext(engine.make, joined))
      return services(yield* runner.make(options, store, { join: joining, watch, patience: () => patience }))
    })
  )

/**
 * A process that holds no name: it changes, commands and watches those of others.
 * It knows every kind that it is given, and its `Cluster` may be that of a client only.
 *
 * @example
 * ```ts
 * // no-run
 * import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
 * import { Fleet } from "@kharbranth/cluster/Fleet"
 * import * as SqlFleetStore from "@kharbranth/cluster/SqlFleetStore"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const overview = Effect.flatMap(Fleet, (fleet) => fleet.overview)
 *
 * // It still needs a SqlClient and a Cluster.
 * export const program = Effect.provide(overview, Layer.provide(ClusterManager.layerClient, SqlFleetStore.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient: Layer.Layer<Fleet, ClusterFailed, FleetStore | Cluster> = Layer.effect(
  Fleet,
  Effect.gen(function* () {
    const { join } = yield* Cluster
    const made = yield* Effect.provideContext(engine.make, yield* join)
    return yield* runner.makeClient(yield* FleetStore, made)
  })
)
