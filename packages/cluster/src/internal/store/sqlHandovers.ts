/**
 * Overlaps of two holders in Postgres. The lease's row is the lock: an overlap
 * begins only where no earlier one lasts, so a name never has three users.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Handovers, Note } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import { failing, json } from "./sqlTables.ts"

// One statement, because a process that leaves frees all its buckets at once. No row is both deleted and written.
const begin = (sql: SqlClient, { bucket, epoch, holder }: Lease, notes: ReadonlyArray<Note>, millis: number) => sql`
  WITH freed AS (
    UPDATE kh_leases SET
      holder = NULL,
      alive_at = clock_timestamp(),
      expires_at = clock_timestamp(),
      wanted_by = NULL,
      overlap_holder = ${holder}::text,
      overlap_epoch = ${epoch}::integer,
      overlap_until = clock_timestamp() + ${millis}::float8 * interval '1 millisecond'
    WHERE bucket = ${bucket}::text AND epoch = ${epoch}::integer AND holder = ${holder}::text
      AND expires_at > clock_timestamp() AND (overlap_until IS NULL OR overlap_until <= clock_timestamp())
    RETURNING bucket
  ), given AS (
    SELECT freed.bucket, g.name, coalesce(g.value, 'null'::jsonb) AS value
    FROM freed, jsonb_to_recordset(${json(notes)}::text::jsonb) AS g(name text, value jsonb)
  ), cleared AS (
    DELETE FROM kh_notes AS n USING freed
    WHERE n.bucket = freed.bucket
      AND NOT (n.epoch = ${epoch}::integer AND n.name IN (SELECT name FROM given))
  ), written AS (
    INSERT INTO kh_notes (bucket, epoch, name, value)
    SELECT bucket, ${epoch}::integer, name, value FROM given
    ON CONFLICT (bucket, epoch, name) DO UPDATE SET value = excluded.value
  )
  SELECT bucket FROM freed`

const write = (sql: SqlClient, { bucket, epoch, holder }: Lease, notes: ReadonlyArray<Note>) => sql`
  WITH own AS (
    SELECT bucket FROM kh_leases
    WHERE bucket = ${bucket}::text
      AND ((epoch = ${epoch}::integer AND holder = ${holder}::text AND expires_at > clock_timestamp())
        OR (overlap_epoch = ${epoch}::integer AND overlap_holder = ${holder}::text
          AND overlap_until > clock_timestamp()))
    FOR UPDATE
  )
  INSERT INTO kh_notes (bucket, epoch, name, value)
  SELECT own.bucket, ${epoch}::integer, g.name, coalesce(g.value, 'null'::jsonb)
  FROM own, jsonb_to_recordset(${json(notes)}::text::jsonb) AS g(name text, value jsonb)
  ON CONFLICT (bucket, epoch, name) DO UPDATE SET value = excluded.value`

const rowOf = (sql: SqlClient, bucket: string) => sql<{
  readonly holder: string | null
  readonly overlap: number | null
}>`
  SELECT CASE WHEN expires_at >= clock_timestamp() THEN holder END AS holder,
    CASE WHEN overlap_until > clock_timestamp() THEN overlap_epoch END AS overlap
  FROM kh_leases WHERE bucket = ${bucket}::text`

const notesOf = (sql: SqlClient, bucket: string) => sql<Note & { readonly epoch: number }>`
  SELECT name, epoch, value FROM kh_notes WHERE bucket = ${bucket}::text`

const read = (sql: SqlClient, bucket: string) =>
  Effect.gen(function* () {
    // The row first: once an overlap is over, its last notes are there.
    const [row] = yield* rowOf(sql, bucket)
    const notes = yield* notesOf(sql, bucket)
    return { holder: row?.holder ?? undefined, overlap: row?.overlap ?? undefined, notes }
  })

export const make = (sql: SqlClient): Handovers => ({
  begin: (lease, notes, millis) =>
    Effect.map(failing("beginOverlap")(begin(sql, lease, notes, millis)), (rows) => rows.length > 0),
  note: (lease, notes) => Effect.asVoid(failing("note")(write(sql, lease, notes))),
  read: (bucket) => failing("readHandover")(read(sql, bucket))
})
