/**
 * The fleet's store in Postgres 14 or later, through any `SqlClient` of Effect
 * that speaks its dialect, such as `@effect/sql-pg`. Tables begin with `kh_`.
 *
 * `effect/sql` is tagged unstable: this module may need a new version of itself
 * with a minor release of Effect.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { StoreFailed } from "./FleetError.ts"
import { FleetStore, type Notice } from "./FleetStore.ts"
import * as Handovers from "./internal/store/sqlHandovers.ts"
import * as Leases from "./internal/store/sqlLeases.ts"
import * as Outboxes from "./internal/store/sqlOutboxes.ts"
import * as Permits from "./internal/store/sqlPermits.ts"
import * as Tables from "./internal/store/sqlTables.ts"
import * as Wishes from "./internal/store/sqlWishes.ts"

/**
 * Creates the tables that are missing. Several processes may do so at once.
 *
 * @category migrations
 * @since 0.1.0
 */
export const migrate: Effect.Effect<void, StoreFailed, SqlClient> = Effect.flatMap(SqlClient, Tables.migrate)

/**
 * The names of the tables, to grant rights on them.
 *
 * @category migrations
 * @since 0.1.0
 */
export const tables: ReadonlyArray<string> = Tables.tables

/**
 * The names of the sequences that number rows of the tables.
 *
 * @category migrations
 * @since 0.1.0
 */
export const sequences: ReadonlyArray<string> = Tables.sequences

/**
 * The channel on which the database says at once what has changed, by `NOTIFY`. A
 * `SqlClient` cannot listen; with a client that can, give the store a `news`:
 * `NodeFleet.layer` of `@kharbranth/cluster-node` does so.
 *
 * @category news
 * @since 0.1.0
 */
export const channel: string = Tables.channel

/**
 * The notice that a payload of the channel is; `undefined` when it is none.
 *
 * @example
 * ```ts
 * import * as SqlFleetStore from "@kharbranth/cluster/SqlFleetStore"
 * import { deepStrictEqual } from "node:assert"
 *
 * deepStrictEqual(SqlFleetStore.noticeOf(`{"_tag":"Held","key":"feed"}`), { _tag: "Held", key: "feed" })
 * deepStrictEqual(SqlFleetStore.noticeOf("hello"), undefined)
 * ```
 *
 * @category news
 * @since 0.1.0
 */
export const noticeOf: (payload: string) => Notice | undefined = Tables.noticeOf

/**
 * Makes the store of a client; the tables must exist.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<FleetStore["Service"], never, SqlClient> = Effect.map(SqlClient, (client) => {
  const sql = client.withoutTransforms()
  return {
    leases: Leases.make(sql),
    wishes: Wishes.make(sql),
    outboxes: Outboxes.make(sql),
    handovers: Handovers.make(sql),
    permits: Permits.make(sql)
  }
})

/**
 * The store of a client; the tables must exist.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStorage: Layer.Layer<FleetStore, never, SqlClient> = Layer.effect(FleetStore, make)

/**
 * The store of a client, after `migrate`. Provide a client such as
 * `PgClient.layer` of `@effect/sql-pg`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<FleetStore, StoreFailed, SqlClient> = Layer.effect(
  FleetStore,
  Effect.andThen(migrate, make)
)
