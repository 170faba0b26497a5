/**
 * Blocks of dial permits in Postgres. The row of a key is its lock: it is taken
 * by a statement of its own, because a statement sees what others committed
 * before it began, not what they committed while it waited.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Block, Breaker, Permits, Take } from "../../FleetStore.ts"
import { cooldownOf } from "./model.ts"
import { failing } from "./sqlTables.ts"

interface Row {
  /** How many milliseconds it is held, and how many one dial tries for all. */
  readonly held: number
  readonly probed: number
  readonly failures: number
  readonly level: number
}

const lock = (sql: SqlClient, key: string): Effect.Effect<Row, SqlError> =>
  Effect.map(
    sql<Row>`
  INSERT INTO kh_budgets AS b (key, hold_until) VALUES (${key}::text, clock_timestamp())
  ON CONFLICT (key) DO UPDATE SET hold_until = b.hold_until
  RETURNING (extract(epoch FROM hold_until - clock_timestamp()) * 1000)::float8 AS held,
    (extract(epoch FROM probe_until - clock_timestamp()) * 1000)::float8 AS probed, failures, level`,
    (rows) => rows[0]!
  )

interface Room {
  readonly id: string | null
  readonly permits: number
  readonly next: number | null
}

// One statement after the lock, because a permit is asked for again and again while there is none.
const grant = (sql: SqlClient, { key, limit, window, within }: Take, want: number) => sql<Room>`
  WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS at), gone AS (
    DELETE FROM kh_blocks USING clock WHERE key = ${key}::text AND over_at <= clock.at
  ), used AS (
    SELECT least(${want}::float8, ${limit}::float8 - coalesce(sum(permits), 0))::float8 AS left,
      (extract(epoch FROM min(over_at) - min(clock.at)) * 1000)::float8 AS next
    FROM kh_blocks, clock WHERE key = ${key}::text AND over_at > clock.at
  ), granted AS (
    INSERT INTO kh_blocks (key, permits, window_millis, over_at)
    SELECT ${key}::text, used.left::integer, ${window}::float8,
      clock.at + ${window + within}::float8 * interval '1 millisecond'
    FROM used, clock WHERE used.left > 0
    RETURNING id
  )
  SELECT (SELECT id::text FROM granted) AS id, used.left AS permits, used.next AS next FROM used`

const probe = (sql: SqlClient, key: string, within: number) => sql`
  UPDATE kh_budgets SET probe_until = clock_timestamp() + ${within}::float8 * interval '1 millisecond'
  WHERE key = ${key}::text`

const take = (sql: SqlClient, request: Take) =>
  Effect.gen(function* () {
    const { key, want, within } = request
    const { failures, held, level, probed } = yield* lock(sql, key)
    if (held > 0 || probed > 0) return { _tag: "Wait", millis: Math.max(held, probed) } satisfies Block
    const isProbe = level > 0
    const room = (yield* grant(sql, request, isProbe ? Math.min(1, want) : want))[0]!
    if (room.id === null) return { _tag: "Wait", millis: Math.max(0, room.next ?? 0) } satisfies Block
    if (isProbe) yield* probe(sql, key, within)
    return { _tag: "Granted", id: room.id, permits: room.permits, failures } satisfies Block
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

const failed = (sql: SqlClient, key: string, breaker: Breaker) =>
  Effect.gen(function* () {
    const { failures: before, held, level } = yield* lock(sql, key)
    if (held > 0) return 0
    const failures = before + 1
    const millis = cooldownOf({ failures, level }, breaker)
    if (millis > 0) {
      yield* sql`UPDATE kh_budgets SET failures = ${failures}::integer, level = level + 1, probe_until = to_timestamp(0),
        hold_until = clock_timestamp() + ${millis}::float8 * interval '1 millisecond' WHERE key = ${key}::text`
    } else yield* sql`UPDATE kh_budgets SET failures = ${failures}::integer WHERE key = ${key}::text`
    return millis
  }).pipe(sql.withTransaction)

const worked = (sql: SqlClient, key: string) =>
  Effect.gen(function* () {
    const { level } = yield* lock(sql, key)
    yield* sql`UPDATE kh_budgets SET failures = 0, level = 0, probe_until = to_timestamp(0) WHERE key = ${key}::text`
    return level > 0
  }).pipe(sql.withTransaction)

export const make = (sql: SqlClient): Permits => ({
  take: (request) => failing("take")(take(sql, request)),
  settle: (id, unused) => Effect.asVoid(failing("settle")(settle(sql, id, unused))),
  hold: (key, millis) => Effect.asVoid(failing("hold")(hold(sql, key, millis))),
  failed: (key, breaker) => failing("failed")(failed(sql, key, breaker)),
  worked: (key) => failing("worked")(worked(sql, key))
})
