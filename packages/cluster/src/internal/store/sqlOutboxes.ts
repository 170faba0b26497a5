/**
 * Messages on their way to another holder, in Postgres. Every statement locks the
 * rows of its leases first, so that nobody claims a bucket in between.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Outboxes, Parked, Taken } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import { failing, json } from "./sqlTables.ts"

/** The leases among these that are in force. */
const live = (sql: SqlClient, leases: ReadonlyArray<Lease>) => sql`
  SELECT l.bucket, l.epoch FROM kh_leases AS l
  JOIN jsonb_to_recordset(${json(leases)}::text::jsonb) AS a(bucket text, epoch integer, holder text)
    USING (bucket, epoch, holder)
  WHERE l.expires_at > clock_timestamp()
  ORDER BY l.bucket FOR UPDATE OF l`

const put = (sql: SqlClient, lease: Lease, parked: ReadonlyArray<Parked>) => sql`
  WITH own AS (${live(sql, [lease])})
  INSERT INTO kh_outbox (bucket, name, epoch, position, item, expires_at)
  SELECT own.bucket, g.name, own.epoch, g.position, coalesce(g.item, 'null'::jsonb),
    clock_timestamp() + g.ttl * interval '1 millisecond'
  FROM own, jsonb_to_recordset(${json(parked)}::text::jsonb)
    AS g(name text, position integer, item jsonb, ttl float8)
  ON CONFLICT DO NOTHING`

const take = (sql: SqlClient, leases: ReadonlyArray<Lease>) => sql<{
  readonly bucket: string
  readonly name: string
  readonly position: number
  readonly item: unknown
  readonly ttl: number | null
}>`
  WITH own AS (${live(sql, leases)}), gone AS (
    DELETE FROM kh_outbox AS o USING own
    WHERE o.bucket = own.bucket AND o.epoch < own.epoch
      AND (coalesce(o.taken, own.epoch) <> own.epoch OR o.expires_at <= clock_timestamp())
  ), kept AS (
    UPDATE kh_outbox AS o SET taken = own.epoch FROM own
    WHERE o.bucket = own.bucket AND o.epoch < own.epoch
      AND coalesce(o.taken, own.epoch) = own.epoch
      AND (o.expires_at IS NULL OR o.expires_at > clock_timestamp())
    RETURNING o.bucket, o.name, o.epoch, o.position, o.item,
      greatest(1, extract(epoch FROM o.expires_at - clock_timestamp()) * 1000)::float8 AS millis,
      o.expires_at IS NULL AS waits_for_ever
  )
  SELECT bucket, name, position, item, CASE WHEN waits_for_ever THEN NULL ELSE millis END AS ttl
  FROM kept ORDER BY name, epoch, position`

const forget = (sql: SqlClient, leases: ReadonlyArray<Lease>) => sql`
  DELETE FROM kh_outbox AS o
  USING jsonb_to_recordset(${json(leases)}::text::jsonb) AS a(bucket text, epoch integer)
  WHERE o.bucket = a.bucket AND o.taken = a.epoch`

export const make = (sql: SqlClient): Outboxes => ({
  put: (lease, parked) => Effect.asVoid(failing("putOutbox")(put(sql, lease, parked))),
  take: (leases) =>
    Effect.map(failing("takeOutbox")(take(sql, leases)), (rows) =>
      rows.map(({ bucket, item, name, position, ttl }): Taken => ({
        bucket,
        name,
        position,
        item,
        ttl: ttl ?? undefined
      }))
    ),
  forget: (leases) => Effect.asVoid(failing("forgetOutbox")(forget(sql, leases)))
})
