/**
 * The tables in Postgres, and how a statement of ours runs: its failure is a
 * `StoreFailed` that shows nothing of the database's own words.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { foreign } from "kharbranth/ConnectionError"
import { StoreFailed } from "../../FleetError.ts"

export const failing =
  (operation: string) =>
  <A>(statement: Effect.Effect<A, SqlError>): Effect.Effect<A, StoreFailed> =>
    Effect.mapError(statement, (error) => new StoreFailed({ operation, cause: foreign(error.reason) }))

/** A value as a parameter; statements cast it to jsonb, so that a list costs one parameter. */
export const json = (value: unknown): string => JSON.stringify(value ?? null)

const statements = [
  `CREATE TABLE IF NOT EXISTS kh_leases (
    bucket text PRIMARY KEY,
    epoch integer NOT NULL,
    holder text,
    last_holder text NOT NULL,
    alive_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    wanted_by text,
    before_holder text,
    before_alive_at timestamptz,
    overlap_holder text,
    overlap_epoch integer,
    overlap_until timestamptz
  )`,
  `CREATE TABLE IF NOT EXISTS kh_names (
    name text PRIMARY KEY,
    kind text NOT NULL,
    bucket text NOT NULL,
    params jsonb NOT NULL,
    tags jsonb NOT NULL,
    paused boolean NOT NULL,
    version bigint NOT NULL,
    cursor jsonb,
    cursor_epoch integer
  )`,
  `CREATE INDEX IF NOT EXISTS kh_names_bucket ON kh_names (bucket)`,
  `CREATE TABLE IF NOT EXISTS kh_version (one boolean PRIMARY KEY CHECK (one), last bigint NOT NULL)`,
  `INSERT INTO kh_version VALUES (true, 0) ON CONFLICT DO NOTHING`,
  `CREATE TABLE IF NOT EXISTS kh_outbox (
    name text NOT NULL,
    epoch integer NOT NULL,
    position integer NOT NULL,
    bucket text NOT NULL,
    item jsonb NOT NULL,
    expires_at timestamptz,
    taken integer,
    PRIMARY KEY (name, epoch, position)
  )`,
  `CREATE INDEX IF NOT EXISTS kh_outbox_bucket ON kh_outbox (bucket)`,
  `CREATE TABLE IF NOT EXISTS kh_notes (
    bucket text NOT NULL,
    epoch integer NOT NULL,
    name text NOT NULL,
    value jsonb NOT NULL,
    PRIMARY KEY (bucket, epoch, name)
  )`,
  `CREATE TABLE IF NOT EXISTS kh_budgets (
    key text PRIMARY KEY,
    hold_until timestamptz NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    level integer NOT NULL DEFAULT 0,
    probe_until timestamptz NOT NULL DEFAULT to_timestamp(0)
  )`,
  `CREATE TABLE IF NOT EXISTS kh_blocks (
    id bigserial PRIMARY KEY,
    key text NOT NULL,
    permits integer NOT NULL,
    window_millis float8 NOT NULL,
    over_at timestamptz NOT NULL
  )`,
  `CREATE INDEX IF NOT EXISTS kh_blocks_key ON kh_blocks (key)`
]

const created = (statement: string): string | undefined => /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.[1]

/** The tables that a process reads and writes. */
export const tables: ReadonlyArray<string> = statements.flatMap((statement) => created(statement) ?? [])

/** Where their rows get numbers, as Postgres names it. */
export const sequences: ReadonlyArray<string> = statements.flatMap((statement) => {
  const column = /^\s*(\w+) bigserial/m.exec(statement)?.[1]
  return column === undefined ? [] : [`${created(statement)}_${column}_seq`]
})

// Postgres lets two sessions fail each other that create one table at the same time: this key lets one go first.
const turn = 5_206_011

export const migrate = (sql: SqlClient): Effect.Effect<void, StoreFailed> =>
  Effect.forEach([`SELECT pg_advisory_xact_lock(${turn})`, ...statements], (text) => sql.unsafe(text), {
    discard: true
  }).pipe(sql.withTransaction, failing("migrate"))
