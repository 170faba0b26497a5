/**
 * Everything that a process of a fleet needs in Node, apart from its sockets and
 * its client of Postgres: the store, the cluster over TCP, and a watchdog. It looks
 * at the set-up first and says what is wrong with it.
 *
 * `effect/cluster` and `effect/sql` are tagged unstable: a minor release of Effect
 * may need another version of this package.
 *
 * @since 0.1.0
 */
import * as Cluster from "@kharbranth/cluster/Cluster"
import { InvalidFleet, type StoreFailed } from "@kharbranth/cluster/FleetError"
import type { FleetStore } from "@kharbranth/cluster/FleetStore"
import * as SqlFleetStore from "@kharbranth/cluster/SqlFleetStore"
import * as Watchdog from "@kharbranth/cluster/Watchdog"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { settingsOf, shardsOf } from "./internal/fleet/settings.ts"
import { clientOf, layerOf } from "./internal/fleet/sharding.ts"
import * as Storage from "./internal/fleet/storage.ts"
import * as Setup from "./internal/setup/setup.ts"
import * as ProcessWatchdog from "./ProcessWatchdog.ts"
import type { SetupError } from "./SetupError.ts"

/**
 * Where a process is reached.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Options of `layerClient`.
 *
 * @category options
 * @since 0.1.0
 */
export interface ClientOptions {
  /** Into how many parts the fleet's names are spread; the same in every process. At most 1,600. Default: 300. */
  readonly shards?: number | undefined
}

/**
 * Options of `layer`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends ClientOptions {
  /** Where the other processes reach this one. A process that starts again may have the same; two at a time may not. */
  readonly address: Address
  /** Where it listens, if that is another, such as `0.0.0.0` in a container. Default: `address`. */
  readonly listen?: Address | undefined
  /**
   * How long the cluster waits for a process that is silent. Shorter finds the dead sooner; a machine under load then
   * moves shards without need, and names wait for their leases anyway. At least 12 seconds. Default: 15 seconds.
   */
  readonly lockExpiry?: Duration.Input | undefined
  /** How often the processes are asked whether they live. Default: 5 seconds. */
  readonly healthEvery?: Duration.Input | undefined
  /**
   * How long processes that join must have been still before they get their share: those of one deploy then move names
   * once. Default: 3 seconds.
   */
  readonly joinDebounce?: Duration.Input | undefined
  /**
   * What kills this process if it is paused for longer than its leases last: a child process (`"process"`), a thread,
   * which notices a blocked event loop only, or nothing. Default: `"process"`.
   */
  readonly watchdog?: "process" | "thread" | "none" | undefined
}

/**
 * Creates the tables that are missing, and changes those of an older version. `layer` does so
 * by itself where its role may; run this in a deploy step where it may not.
 *
 * @category migrations
 * @since 0.1.0
 */
export const migrate: Effect.Effect<void, StoreFailed, SqlClient> = Setup.migrate

const watchdogs = {
  process: ProcessWatchdog.layerProcess,
  thread: ProcessWatchdog.layerThread,
  none: Watchdog.layerNone
}

/**
 * What `ClusterManager.layer` needs of a process, after a look at the set-up.
 *
 * @example
 * ```ts
 * // no-run
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import * as NodeFleet from "@kharbranth/cluster-node/NodeFleet"
 * import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const database = PgClient.layer({ url: Redacted.make("postgres://fleet@db.internal/fleet") })
 *
 * // It still needs a Transport: NodeTransport.layer of @kharbranth/node.
 * export const runner = ClusterManager.layer({ kinds: [] }).pipe(
 *   Layer.provide(NodeFleet.layer({ address: { host: "10.0.0.7", port: 34_431 } })),
 *   Layer.provide(database)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Cluster.Cluster | FleetStore | Watchdog.Watchdog, InvalidFleet | SetupError | StoreFailed, SqlClient> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const settings = settingsOf(options)
      if (settings instanceof InvalidFleet) return yield* settings
      const { address, shards } = settings
      return Layer.mergeAll(
        Cluster.layer(layerOf(settings)),
        Storage.layer,
        watchdogs[options.watchdog ?? "process"]
      ).pipe(Layer.provide(Setup.layer({ address: `${address.host}:${address.port}`, shards, group: "default" })))
    })
  )

/**
 * What `ClusterManager.layerClient` needs of a process, after a look at the set-up: for
 * one that changes, commands and watches names and holds none. It has no port, and the
 * other processes do not count it.
 *
 * @example
 * ```ts
 * // no-run
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import * as NodeFleet from "@kharbranth/cluster-node/NodeFleet"
 * import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
 * import { Fleet } from "@kharbranth/cluster/Fleet"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const client = ClusterManager.layerClient.pipe(
 *   Layer.provide(NodeFleet.layerClient()),
 *   Layer.provide(PgClient.layer({ url: Redacted.make("postgres://fleet@db.internal/fleet") }))
 * )
 *
 * export const overview = Effect.flatMap(Fleet, (fleet) => fleet.overview).pipe(Effect.provide(client))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  options: ClientOptions = {}
): Layer.Layer<Cluster.Cluster | FleetStore, InvalidFleet | SetupError | StoreFailed, SqlClient> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const shards = shardsOf(options)
      if (shards instanceof InvalidFleet) return yield* shards
      return Layer.mergeAll(Cluster.layer(clientOf(shards)), SqlFleetStore.layerStorage).pipe(
        Layer.provide(Setup.layerClient({ shards, group: "default" }))
      )
    })
  )
