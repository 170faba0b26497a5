/** The look at a set-up: database, sessions, tables, and the other processes, in this order. */
import { StoreFailed } from "@kharbranth/cluster/FleetError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { foreign } from "kharbranth/ConnectionError"
import type { SetupError } from "../../SetupError.ts"
import { checkSessions, checkVersion } from "./database.ts"
import { type Common, compare, register, type Settings } from "./runners.ts"
import * as Tables from "./tables.ts"

const failing =
  (operation: string) =>
  <A, E extends { readonly _tag: string }, R>(
    step: Effect.Effect<A, E | SqlError, R>
  ): Effect.Effect<A, Exclude<E, SqlError> | StoreFailed, R> =>
    Effect.mapError(step, (error) =>
      error._tag === "SqlError"
        ? new StoreFailed({ operation, cause: foreign((error as SqlError).reason) })
        : (error as Exclude<E, SqlError>)
    )

export const migrate: Effect.Effect<void, StoreFailed, SqlClient> = failing("migrate")(Tables.migrate)

const look = Effect.gen(function* () {
  const sql = (yield* SqlClient).withoutTransforms()
  yield* failing("version")(checkVersion(sql))
  yield* failing("sessions")(checkSessions(sql))
  yield* failing("migrate")(Tables.prepare)
  return sql
})

/** Fails where the set-up is wrong; else this process counts as one of the fleet until the layer ends. */
export const layer = (settings: Settings): Layer.Layer<never, SetupError | StoreFailed, SqlClient> =>
  Layer.effectDiscard(Effect.flatMap(look, (sql) => failing("runners")(register(sql, settings))))

/** Fails where the set-up is wrong for a process that holds no name; the others do not count it. */
export const layerClient = (common: Common): Layer.Layer<never, SetupError | StoreFailed, SqlClient> =>
  Layer.effectDiscard(Effect.flatMap(look, (sql) => failing("runners")(compare(sql, common))))
