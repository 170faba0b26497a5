/**
 * The tables of a fleet in Postgres: those of its store, those of the cluster, and
 * two of the set-up's own. A role that may not create them must find them.
 */
import { StoreFailed } from "@kharbranth/cluster/FleetError"
import * as SqlFleetStore from "@kharbranth/cluster/SqlFleetStore"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { foreign } from "kharbranth/ConnectionError"
import { MissingMigrations, MissingRights } from "../../SetupError.ts"

/** Before the names of the cluster's own tables. */
export const prefix = "kh_cluster"

/** Grows with every change of any table. */
const schemaVersion = 1

const own = [
  `CREATE TABLE IF NOT EXISTS kh_schema (one boolean PRIMARY KEY CHECK (one), version integer NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS kh_runners (
    address text PRIMARY KEY,
    life text NOT NULL,
    protocol integer NOT NULL,
    shards integer NOT NULL,
    shard_group text NOT NULL,
    seen_at timestamptz NOT NULL
  )`
]

// Two sessions that create one table at the same time fail each other: this key lets one go first.
const turn = 5_206_012

/** Creates what is missing; its role must own the tables that exist. Several processes may do so at once. */
export const migrate: Effect.Effect<void, SqlError | StoreFailed, SqlClient> = Effect.gen(function* () {
  const sql = (yield* SqlClient).withoutTransforms()
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql.unsafe(`SELECT pg_advisory_xact_lock(${turn})`)
      for (const statement of own) yield* sql.unsafe(statement)
      yield* sql`INSERT INTO kh_schema VALUES (true, ${schemaVersion})
        ON CONFLICT (one) DO UPDATE SET version = greatest(kh_schema.version, excluded.version)`
    })
  )
  yield* SqlFleetStore.migrate
  // What fails there is a defect, for it is made for a layer.
  yield* Effect.scoped(Layer.build(SqlRunnerStorage.layerMigrations({ prefix }))).pipe(
    Effect.catchDefect((defect) => Effect.fail(new StoreFailed({ operation: "migrate", cause: foreign(defect) })))
  )
})

/** Every table that a process reads and writes. */
const tables = ["kh_schema", "kh_runners", ...SqlFleetStore.tables, `${prefix}_runners`, `${prefix}_locks`]

/** Where rows of some of them get their numbers. */
const sequences = [...SqlFleetStore.sequences, `${prefix}_runners_machine_id_seq`]

interface Found {
  readonly role: string
  readonly schema: string | null
  readonly mayCreate: boolean
  /** Tables that are not there, that belong to others, and that the role may not read and write. */
  readonly absent: ReadonlyArray<string>
  readonly strange: ReadonlyArray<string>
  readonly closed: ReadonlyArray<string>
  /** Sequences that the role may not use. */
  readonly stuck: ReadonlyArray<string>
}

const look = (sql: SqlClient): Effect.Effect<Found, SqlError> =>
  Effect.map(
    sql<Found>`
      WITH known AS (
        SELECT name, to_regclass(name) AS id
        FROM jsonb_array_elements_text(${JSON.stringify(tables)}::text::jsonb) AS name
      ), standing AS (
        SELECT name, id IS NULL AS absent,
          id IS NOT NULL AND NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = id), 'USAGE') AS other,
          id IS NOT NULL AND NOT (has_table_privilege(id, 'SELECT') AND has_table_privilege(id, 'INSERT')
            AND has_table_privilege(id, 'UPDATE') AND has_table_privilege(id, 'DELETE')) AS closed
        FROM known
      )
      SELECT current_user::text AS role, current_schema()::text AS schema,
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS "mayCreate",
        coalesce(jsonb_agg(name) FILTER (WHERE absent), '[]') AS absent,
        coalesce(jsonb_agg(name) FILTER (WHERE other), '[]') AS strange,
        coalesce(jsonb_agg(name) FILTER (WHERE closed), '[]') AS closed,
        (SELECT coalesce(jsonb_agg(seq), '[]')
          FROM jsonb_array_elements_text(${JSON.stringify(sequences)}::text::jsonb) AS s(seq)
          WHERE to_regclass(seq) IS NOT NULL AND NOT has_sequence_privilege(to_regclass(seq), 'USAGE')) AS stuck
      FROM standing`,
    ([row]) => row!
  )

/** Brings the tables up to date where this role may, and says what is missing where it may not. */
export const prepare: Effect.Effect<void, SqlError | StoreFailed | MissingRights | MissingMigrations, SqlClient> =
  Effect.gen(function* () {
    const sql = (yield* SqlClient).withoutTransforms()
    const before = yield* look(sql)
    const { role } = before
    if (before.mayCreate && before.strange.length === 0) yield* migrate
    else if (before.absent.length > 0) {
      const schema = before.schema ?? "of its search_path (there is none)"
      return yield* new MissingRights({
        role,
        missing: [`CREATE on schema ${schema}`, `tables ${before.absent.join()}`]
      })
    }
    const { closed, stuck } = yield* look(sql)
    const missing = [
      ...closed.map((table) => `SELECT, INSERT, UPDATE, DELETE on ${table}`),
      ...stuck.map((sequence) => `USAGE on ${sequence}`)
    ]
    if (missing.length > 0) return yield* new MissingRights({ role, missing })
    const [schema] = yield* sql<{ readonly version: number }>`SELECT version FROM kh_schema`
    const found = schema?.version ?? 0
    if (found < schemaVersion) return yield* new MissingMigrations({ found, needed: schemaVersion })
  })
