/**
 * How a process joins the cluster that spreads buckets over processes.
 *
 * A fleet joins when it can hold leases, and leaves before it gives them up: the
 * others then take over its buckets, and it hands each over to the one that asks.
 * So the fleet itself opens the cluster; a layer below it would end too late.
 *
 * `effect/cluster` is tagged unstable: this module may need a new version of itself
 * with a minor release of Effect.
 *
 * @since 0.1.0
 */
import type { Sharding } from "effect/cluster/Sharding"
import type { ShardingConfig } from "effect/cluster/ShardingConfig"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { foreign } from "kharbranth/ConnectionError"
import { ClusterFailed } from "./FleetError.ts"

/**
 * What a process has of the cluster once it joined: Effect Cluster's `Sharding`
 * and `ShardingConfig`.
 *
 * @category models
 * @since 0.1.0
 */
export type Joined = Sharding | ShardingConfig

/**
 * The way into the cluster.
 *
 * @category services
 * @since 0.1.0
 */
export class Cluster extends Context.Service<
  Cluster,
  {
    /** Joins for as long as the scope. */
    readonly join: Effect.Effect<Context.Context<Joined>, ClusterFailed, Scope.Scope>
  }
>()("@kharbranth/cluster/Cluster") {}

/**
 * The way into the cluster that a layer of Effect Cluster opens. The layer is
 * built by the fleet, when it joins.
 *
 * @example
 * ```ts
 * import * as Cluster from "@kharbranth/cluster/Cluster"
 * import * as ShardingConfig from "effect/cluster/ShardingConfig"
 * import * as TestRunner from "effect/cluster/TestRunner"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * // A cluster of one process, in memory.
 * const cluster = Cluster.layer(Layer.merge(TestRunner.layer, ShardingConfig.layer()))
 *
 * const program = Effect.flatMap(Cluster.Cluster, ({ join }) => join)
 * await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(cluster)))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R>(sharding: Layer.Layer<Joined, E, R>): Layer.Layer<Cluster, never, R> =>
  Layer.effect(
    Cluster,
    Effect.map(Effect.context<R>(), (context) => ({
      join: Layer.build(sharding).pipe(
        Effect.provide(context),
        // The cluster's own storage dies where its database does not answer.
        Effect.catchDefect(Effect.fail),
        Effect.mapError((error) => new ClusterFailed({ cause: foreign(error) }))
      )
    }))
  )
