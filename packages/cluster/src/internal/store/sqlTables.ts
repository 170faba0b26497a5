/**
 * The tables in Postgres, and how a statement of ours runs: its failure is a
 * `StoreFailed` that shows nothing of the database's own words.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { foreign } from "kharbranth/ConnectionError"
import type * as FleetStore from "../../FleetStore.ts"
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

/** Where notices are sent: as JSON, when what they tell of is committed. */
export const channel = "kh_news"

const Notice = Schema.Union([
  Schema.Struct({ _tag: Schema.Literal("Wishes") }),
  Schema.Struct({ _tag: Schema.Literals(["Wanted", "Freed"]), holder: Schema.String }),
  Schema.Struct({ _tag: Schema.Literal("Held"), key: Schema.String })
])
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Notice))

export const noticeOf = (payload: string): FleetStore.Notice | undefined => Option.getOrUndefined(decode(payload))

// A payload has 8,000 bytes at most, and a statement fails that sends more: a longer key is not told.
const voices: ReadonlyArray<{ readonly table: string; readonly when: string; readonly body: string }> = [
  {
    table: "kh_version",
    when: "UPDATE ON kh_version FOR EACH ROW",
    body: `PERFORM pg_notify('${channel}', json_build_object('_tag', 'Wishes')::text);`
  },
  {
    table: "kh_leases",
    when: "UPDATE ON kh_leases FOR EACH ROW WHEN (OLD.wanted_by IS DISTINCT FROM NEW.wanted_by)",
    body: `IF NEW.wanted_by IS NOT NULL THEN
        PERFORM pg_notify('${channel}', json_build_object('_tag', 'Wanted', 'holder', NEW.holder)::text);
      ELSIF NEW.holder IS NULL THEN
        PERFORM pg_notify('${channel}', json_build_object('_tag', 'Freed', 'holder', OLD.wanted_by)::text);
      END IF;`
  },
  {
    table: "kh_budgets",
    when: "INSERT OR UPDATE ON kh_budgets FOR EACH ROW",
    body: `IF NEW.hold_until > clock_timestamp() AND (TG_OP = 'INSERT' OR NEW.hold_until > OLD.hold_until)
        AND octet_length(NEW.key) < 2000 THEN
        PERFORM pg_notify('${channel}', json_build_object('_tag', 'Held', 'key', NEW.key)::text);
      END IF;`
  }
]

// A trigger that is there is left alone: to replace it would wait for every statement of every process.
const speaking = voices.flatMap(({ body, table, when }) => [
  `CREATE OR REPLACE FUNCTION ${table}_news() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN ${body.replaceAll("'", "''")} RETURN NULL; END'`,
  `DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = '${table}_news' AND tgrelid = '${table}'::regclass) THEN
      CREATE TRIGGER ${table}_news AFTER ${when} EXECUTE FUNCTION ${table}_news();
    END IF;
  END $$`
])

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
  Effect.forEach([`SELECT pg_advisory_xact_lock(${turn})`, ...statements, ...speaking], (text) => sql.unsafe(text), {
    discard: true
  }).pipe(sql.withTransaction, failing("migrate"))
