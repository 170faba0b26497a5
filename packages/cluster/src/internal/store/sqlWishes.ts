/**
 * Wishes in Postgres. Every change bumps one counter in the same statement, so a
 * process that polls the counter misses nothing and reads no rows in vain.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Selection, Wish, Wished, Wishes } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import { failing, json } from "./sqlTables.ts"

const put = (sql: SqlClient, wishes: ReadonlyArray<Wish>) => sql`
  WITH given AS (
    SELECT name, kind, bucket, coalesce(params, 'null'::jsonb) AS params, tags, paused
    FROM jsonb_to_recordset(${json(wishes)}::text::jsonb)
      AS g(name text, kind text, bucket text, params jsonb, tags jsonb, paused boolean)
  ), news AS (
    SELECT given.* FROM given LEFT JOIN kh_names AS n USING (name)
    WHERE n.name IS NULL
      OR (n.kind, n.bucket, n.params, n.tags, n.paused)
        IS DISTINCT FROM (given.kind, given.bucket, given.params, given.tags, given.paused)
  ), bump AS (
    UPDATE kh_version SET last = last + 1 WHERE EXISTS (SELECT 1 FROM news) RETURNING last
  )
  INSERT INTO kh_names (name, kind, bucket, params, tags, paused, version)
  SELECT name, kind, bucket, params, tags, paused, last FROM news, bump ORDER BY name
  ON CONFLICT (name) DO UPDATE SET
    kind = excluded.kind,
    bucket = excluded.bucket,
    params = excluded.params,
    tags = excluded.tags,
    paused = excluded.paused,
    version = excluded.version`

const remove = (sql: SqlClient, names: ReadonlyArray<string>) => sql`
  WITH gone AS (
    DELETE FROM kh_names
    WHERE name IN (SELECT jsonb_array_elements_text(${json(names)}::text::jsonb)) RETURNING name
  )
  UPDATE kh_version SET last = last + 1 WHERE EXISTS (SELECT 1 FROM gone)`

const pause = (sql: SqlClient, names: ReadonlyArray<string>, paused: boolean) => sql`
  WITH bump AS (
    UPDATE kh_version SET last = last + 1 WHERE EXISTS (
      SELECT 1 FROM kh_names
      WHERE name IN (SELECT jsonb_array_elements_text(${json(names)}::text::jsonb)) AND paused <> ${paused}::boolean
    ) RETURNING last
  )
  UPDATE kh_names SET paused = ${paused}::boolean, version = bump.last FROM bump
  WHERE name IN (SELECT jsonb_array_elements_text(${json(names)}::text::jsonb)) AND paused <> ${paused}::boolean`

interface Row extends Omit<Wished, "cursor" | "cursorEpoch"> {
  readonly cursor: unknown
  readonly cursor_epoch: number | null
}

const toWished = ({ bucket, cursor, cursor_epoch, kind, name, params, paused, tags, version }: Row): Wished => ({
  name,
  kind,
  bucket,
  params,
  tags,
  paused,
  version,
  cursor: cursor_epoch === null ? undefined : cursor,
  cursorEpoch: cursor_epoch ?? undefined
})

const select = (sql: SqlClient, { buckets, kind, names, tag }: Selection) => sql<Row>`
  SELECT name, kind, bucket, params, tags, paused, version::float8 AS version, cursor, cursor_epoch FROM kh_names
  WHERE (${names === undefined}::boolean
      OR name IN (SELECT jsonb_array_elements_text(nullif(${json(names)}::text::jsonb, 'null'::jsonb))))
    AND (${buckets === undefined}::boolean
      OR bucket IN (SELECT jsonb_array_elements_text(nullif(${json(buckets)}::text::jsonb, 'null'::jsonb))))
    AND (${kind ?? null}::text IS NULL OR kind = ${kind ?? null}::text)
    AND (${tag ?? null}::text IS NULL OR tags @> jsonb_build_array(${tag ?? null}::text))`

const version = (sql: SqlClient) => sql<{ readonly last: number }>`SELECT last::float8 AS last FROM kh_version`

// The lease's row stays locked until the cursors are written, so no other holder's come in between.
const saveCursors = (
  sql: SqlClient,
  { bucket, epoch, holder }: Lease,
  cursors: ReadonlyArray<{ readonly name: string; readonly value: unknown }>
) => sql<{ readonly name: string }>`
  WITH own AS (
    SELECT bucket, epoch FROM kh_leases
    WHERE bucket = ${bucket}::text AND epoch = ${epoch}::integer AND holder = ${holder}::text
      AND expires_at > clock_timestamp()
    FOR UPDATE
  ), given AS (
    SELECT name, coalesce(value, 'null'::jsonb) AS value
    FROM jsonb_to_recordset(${json(cursors)}::text::jsonb) AS g(name text, value jsonb)
  )
  UPDATE kh_names AS n SET cursor = given.value, cursor_epoch = own.epoch FROM own, given
  WHERE n.name = given.name AND n.bucket = own.bucket
  RETURNING n.name`

export const make = (sql: SqlClient): Wishes => ({
  put: (wishes) => Effect.asVoid(failing("put")(put(sql, wishes))),
  remove: (names) => Effect.asVoid(failing("remove")(remove(sql, names))),
  pause: (names, paused) => Effect.asVoid(failing("pause")(pause(sql, names, paused))),
  select: (selection) => Effect.map(failing("select")(select(sql, selection)), (rows) => rows.map(toWished)),
  version: Effect.map(failing("version")(version(sql)), (rows) => rows[0]?.last ?? 0),
  saveCursors: (lease, cursors) =>
    Effect.map(failing("saveCursors")(saveCursors(sql, lease, cursors)), (rows) => rows.map(({ name }) => name))
})
