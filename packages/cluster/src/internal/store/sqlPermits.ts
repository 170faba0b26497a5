/**
 * Blocks of dial permits in Postgres. The row of a key is its lock: it is taken
 * by a statement of its own, because a statement sees what others committed
 * before it began, not what they committed while it waited.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Block, Permits, Take } from "../../FleetStore.ts"
import { failing } from "./sqlTables.ts"

const lock = (sql: SqlClient, key: string) => sql<{ readonly held: number }>`
  INSERT INTO kh_budgets AS b (key, hold_until) VALUES (${key}::text, clock_timestamp())
  ON CONFLICT (key) DO UPDATE SET hold_until = b.hold_until
  RETURNING (extract(epoch FROM hold_until - clock_timestamp()) * 1000)::float8 AS held`

const forget = (sql: SqlClient, key: string) =>
  sql`DELETE FROM kh_blocks WHERE key = ${key}::text AND over_at <= clock_timestamp()`

const used = (sql: SqlClient, key: string) => sql<{ readonly used: number; readonly next: number | null }>`
  SELECT coalesce(sum(permits), 0)::float8 AS used,
    (extract(epoch FROM min(over_at) - clock_timestamp()) * 1000)::float8 AS next
  FROM kh_blocks WHERE key = ${key}::text`

const insert = (sql: SqlClient, key: string, permits: number, window: number, within: number) => sql<{
  readonly id: string
}>`
  INSERT INTO kh_blocks (key, permits, window_millis, over_at)
  VALUES (${key}::text, ${permits}::integer, ${window}::float8,
    clock_timestamp() + ${window + within}::float8 * interval '1 millisecond')
  RETURNING id::text AS id`

const take = (sql: SqlClient, { key, limit, want, window, within }: Take) =>
  Effect.gen(function* () {
    const held = (yield* lock(sql, key))[0]?.held ?? 0
    if (held > 0) return { _tag: "Wait", millis: held } satisfies Block
    yield* forget(sql, key)
    const now = (yield* used(sql, key))[0]
    const permits = Math.min(want, limit - (now?.used ?? 0))
    if (permits <= 0) return { _tag: "Wait", millis: Math.max(0, now?.next ?? 0) } satisfies Block
    const id = (yield* insert(sql, key, permits, window, within))[0]!.id
    return { _tag: "Granted", id, permits } satisfies Block
  }).pipe(sql.withTransaction)

const settle = (sql: SqlClient, id: string, unused: number) => sql`
  UPDATE kh_blocks SET
    permits = greatest(0, permits - ${unused}::integer),
    over_at = least(over_at, clock_timestamp() + window_millis * interval '1 millisecond')
  WHERE id = ${id}::text::bigint`

const hold = (sql: SqlClient, key: string, millis: number) => sql`
  INSERT INTO kh_budgets AS b (key, hold_until)
  VALUES (${key}::text, clock_timestamp() + ${millis}::float8 * interval '1 millisecond')
  ON CONFLICT (key) DO UPDATE SET hold_until = greatest(b.hold_until, excluded.hold_until)`

export const make = (sql: SqlClient): Permits => ({
  take: (request) => failing("take")(take(sql, request)),
  settle: (id, unused) => Effect.asVoid(failing("settle")(settle(sql, id, unused))),
  hold: (key, millis) => Effect.asVoid(failing("hold")(hold(sql, key, millis)))
})
