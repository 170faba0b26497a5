/**
 * Leases in Postgres. A claim and a renewal of one bucket are serial, because both
 * lock its row and then look at it again. Rows are locked in the order of their
 * buckets, so that two statements never wait for each other.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Busy, Claim, Claimed, Leases, Renewed, Standing } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import { failing, json } from "./sqlTables.ts"

interface ClaimedRow {
  readonly bucket: string
  readonly epoch: number
  readonly before: string | null
  readonly silence: number | null
  readonly overlap_epoch: number | null
  readonly overlap_millis: number | null
}

// One condition decides about the whole row: `clock_timestamp()` moves on within a statement.
const claimFree = (sql: SqlClient, { buckets, holder, ttl }: Claim) => sql<ClaimedRow>`
  INSERT INTO kh_leases AS l (bucket, epoch, holder, last_holder, alive_at, expires_at)
  SELECT bucket, 1, ${holder}::text, ${holder}::text, clock_timestamp(),
    clock_timestamp() + ${ttl}::float8 * interval '1 millisecond'
  FROM jsonb_array_elements_text(${json(buckets)}::text::jsonb) AS bucket
  ORDER BY bucket
  ON CONFLICT (bucket) DO UPDATE SET
    epoch = l.epoch + 1,
    holder = excluded.holder,
    last_holder = excluded.holder,
    before_holder = l.last_holder,
    before_alive_at = l.alive_at,
    alive_at = clock_timestamp(),
    expires_at = clock_timestamp() + ${ttl}::float8 * interval '1 millisecond',
    wanted_by = NULL,
    overlap_holder = CASE WHEN l.overlap_until > clock_timestamp() THEN l.overlap_holder END,
    overlap_epoch = CASE WHEN l.overlap_until > clock_timestamp() THEN l.overlap_epoch END,
    overlap_until = CASE WHEN l.overlap_until > clock_timestamp() THEN l.overlap_until END
  WHERE l.holder IS NULL OR l.holder = excluded.holder OR l.expires_at < clock_timestamp()
  RETURNING bucket, epoch, before_holder AS before,
    (extract(epoch FROM alive_at - before_alive_at) * 1000)::float8 AS silence, overlap_epoch,
    (extract(epoch FROM overlap_until - alive_at) * 1000)::float8 AS overlap_millis`

const ask = (sql: SqlClient, buckets: ReadonlyArray<string>, holder: string) => sql<Busy>`
  WITH others AS (
    SELECT bucket FROM kh_leases
    WHERE bucket IN (SELECT jsonb_array_elements_text(${json(buckets)}::text::jsonb))
      AND holder <> ${holder}::text AND expires_at >= clock_timestamp()
    ORDER BY bucket FOR UPDATE
  )
  UPDATE kh_leases AS l SET wanted_by = ${holder}::text
  FROM others
  WHERE l.bucket = others.bucket AND l.holder <> ${holder}::text
  RETURNING l.bucket, l.last_holder AS holder`

const toClaimed =
  (holder: string) =>
  ({ before, bucket, epoch, overlap_epoch, overlap_millis, silence }: ClaimedRow): Claimed => ({
    bucket,
    epoch,
    holder,
    before: before ?? undefined,
    silence: silence ?? undefined,
    overlap:
      overlap_epoch === null || overlap_millis === null ? undefined : { epoch: overlap_epoch, millis: overlap_millis }
  })

const claim = Effect.fnUntraced(function* (sql: SqlClient, request: Claim) {
  const claimed = (yield* claimFree(sql, request)).map(toClaimed(request.holder))
  const got = new Set(claimed.map(({ bucket }) => bucket))
  const rest = request.buckets.filter((bucket) => !got.has(bucket))
  const busy = rest.length === 0 ? [] : yield* ask(sql, rest, request.holder)
  return { claimed, busy: busy.map(({ bucket, holder }): Busy => ({ bucket, holder })) }
})

const renew = (sql: SqlClient, leases: ReadonlyArray<Lease>, ttl: number) => sql<{
  readonly bucket: string
  readonly epoch: number
  readonly wanted_by: string | null
}>`
  WITH mine AS (
    SELECT l.bucket, l.epoch, l.holder FROM kh_leases AS l
    JOIN jsonb_to_recordset(${json(leases)}::text::jsonb) AS a(bucket text, epoch integer, holder text)
      USING (bucket, epoch, holder)
    WHERE l.expires_at > clock_timestamp()
    ORDER BY l.bucket FOR UPDATE OF l
  )
  UPDATE kh_leases AS l SET
    alive_at = clock_timestamp(),
    expires_at = clock_timestamp() + ${ttl}::float8 * interval '1 millisecond'
  FROM mine
  WHERE l.bucket = mine.bucket AND l.epoch = mine.epoch AND l.holder = mine.holder
    AND l.expires_at > clock_timestamp()
  RETURNING l.bucket, l.epoch, l.wanted_by`

const release = (sql: SqlClient, leases: ReadonlyArray<Lease>) => sql`
  WITH mine AS (
    SELECT l.bucket, l.epoch = a.epoch AND l.holder = a.holder AS is_own,
      l.overlap_epoch = a.epoch AND l.overlap_holder = a.holder AS is_overlap
    FROM kh_leases AS l
    JOIN jsonb_to_recordset(${json(leases)}::text::jsonb) AS a(bucket text, epoch integer, holder text)
      ON l.bucket = a.bucket
        AND ((l.epoch = a.epoch AND l.holder = a.holder) OR (l.overlap_epoch = a.epoch AND l.overlap_holder = a.holder))
    ORDER BY l.bucket FOR UPDATE OF l
  )
  UPDATE kh_leases AS l SET
    holder = CASE WHEN mine.is_own THEN NULL ELSE l.holder END,
    alive_at = CASE WHEN mine.is_own THEN least(clock_timestamp(), l.expires_at) ELSE l.alive_at END,
    expires_at = CASE WHEN mine.is_own THEN clock_timestamp() ELSE l.expires_at END,
    wanted_by = CASE WHEN mine.is_own THEN NULL ELSE l.wanted_by END,
    overlap_until = CASE WHEN mine.is_overlap THEN NULL ELSE l.overlap_until END,
    overlap_epoch = CASE WHEN mine.is_overlap THEN NULL ELSE l.overlap_epoch END,
    overlap_holder = CASE WHEN mine.is_overlap THEN NULL ELSE l.overlap_holder END
  FROM mine
  WHERE l.bucket = mine.bucket`

const all = (sql: SqlClient) => sql<{
  readonly bucket: string
  readonly epoch: number
  readonly holder: string | null
}>`
  SELECT bucket, epoch, CASE WHEN expires_at < clock_timestamp() THEN NULL ELSE holder END AS holder
  FROM kh_leases`

export const make = (sql: SqlClient): Leases => ({
  claim: (request) => failing("claim")(claim(sql, request)),
  renew: (leases, ttl) =>
    Effect.map(failing("renew")(renew(sql, leases, ttl)), (rows) =>
      rows.map(({ bucket, epoch, wanted_by }): Renewed => ({ bucket, epoch, wantedBy: wanted_by ?? undefined }))
    ),
  release: (leases) => Effect.asVoid(failing("release")(release(sql, leases))),
  all: Effect.map(failing("leases")(all(sql)), (rows) =>
    rows.map(({ bucket, epoch, holder }): Standing => ({ bucket, epoch, holder: holder ?? undefined }))
  )
})
