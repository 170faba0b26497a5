/**
 * What the processes of a fleet say of themselves: each has a row with its
 * settings, which it renews while it lives. One that starts with other
 * settings is refused.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { ClocksDisagree, FleetMismatch, VersionSkew } from "../../SetupError.ts"

/** Grows when processes of the version before cannot run beside this one. */
export const protocol = 1

/** What all processes must agree on. */
export interface Common {
  readonly shards: number
  readonly group: string
}

export interface Settings extends Common {
  readonly address: string
}

interface Row {
  readonly address: string
  readonly protocol: number
  readonly shards: number
  readonly shard_group: string
}

const refreshEvery = "10 seconds"

/** What keeps a process from running beside others. */
const conflict = ({ group, shards }: Common, others: ReadonlyArray<Row>): FleetMismatch | VersionSkew | undefined => {
  for (const other of others) {
    const runner = other.address
    if (other.protocol !== protocol) return new VersionSkew({ here: protocol, there: other.protocol, runner })
    if (other.shards !== shards)
      return new FleetMismatch({ setting: "shards", here: String(shards), there: String(other.shards), runner })
    if (other.shard_group !== group)
      return new FleetMismatch({ setting: "group", here: group, there: other.shard_group, runner })
  }
  return undefined
}

/** Fails where another process that lives has other settings. */
export const compare = (sql: SqlClient, common: Common): Effect.Effect<void, SqlError | FleetMismatch | VersionSkew> =>
  Effect.flatMap(
    sql<Row>`SELECT address, protocol, shards, shard_group FROM kh_runners
      WHERE seen_at >= clock_timestamp() - interval '30 seconds' ORDER BY address`,
    (others) => {
      const problem = conflict(common, others)
      return problem === undefined ? Effect.void : Effect.fail(problem)
    }
  )

// Two that start at the same time must see each other.
const turn = 5_206_013

const enter = (sql: SqlClient, settings: Settings, life: string) =>
  Effect.gen(function* () {
    yield* sql`SELECT pg_advisory_xact_lock(${turn}::bigint)`
    // A process that starts again has the address of the one that died.
    yield* sql`DELETE FROM kh_runners
      WHERE address = ${settings.address}::text OR seen_at < clock_timestamp() - interval '30 seconds'`
    yield* compare(sql, settings)
    yield* sql`INSERT INTO kh_runners (address, life, protocol, shards, shard_group, seen_at)
      VALUES (${settings.address}::text, ${life}::text, ${protocol}::integer, ${settings.shards}::integer,
        ${settings.group}::text, clock_timestamp())`
  }).pipe(sql.withTransaction)

/** A moment as both clocks have it, in milliseconds, and how long asking took. */
export interface Sample {
  readonly here: number
  readonly store: number
  readonly took: number
}

/** How differently two clocks may advance: leases bear a margin of a thirtieth. */
const bearable = 1 / 30

/** What two samples say of the clocks. */
export const disagreement = (first: Sample, second: Sample): ClocksDisagree | undefined => {
  const here = second.here - first.here
  const store = second.store - first.store
  const unsure = first.took + second.took
  return Math.abs(store - here) > here * bearable + unsure ? new ClocksDisagree({ here, store }) : undefined
}

const refresh = Effect.fnUntraced(function* (sql: SqlClient, { address }: Settings, life: string) {
  const clock = yield* Clock.clockWith(Effect.succeed)
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const here = now()
  const [row] = yield* sql<{ readonly store: number }>`
    UPDATE kh_runners SET seen_at = clock_timestamp() WHERE address = ${address}::text AND life = ${life}::text
    RETURNING (extract(epoch FROM seen_at) * 1000)::float8 AS store`
  return row === undefined ? undefined : ({ here, store: row.store, took: now() - here } satisfies Sample)
})

/** A wall clock that is this wrong is worth a word, although nothing depends on it. */
const notable = 5_000

const sayOfWall = (sample: Sample | undefined) =>
  Effect.flatMap(Clock.currentTimeMillis, (wall) => {
    const skew = sample === undefined ? 0 : wall - sample.store
    return Math.abs(skew) < notable
      ? Effect.void
      : Effect.logInfo(
          `This machine's wall clock differs from the database's by ${Math.round(skew / 1000)} s. Leases do not depend on it; times in logs and gaps do.`
        )
  })

/** Enters this process, and keeps its row for as long as the scope. */
export const register = (
  sql: SqlClient,
  settings: Settings
): Effect.Effect<void, SqlError | FleetMismatch | VersionSkew, Scope.Scope> =>
  Effect.gen(function* () {
    const life = (yield* Random.nextInt).toString(36)
    yield* enter(sql, settings, life)
    yield* Effect.addFinalizer(() =>
      Effect.ignore(
        Effect.timeout(
          sql`DELETE FROM kh_runners WHERE address = ${settings.address}::text AND life = ${life}::text`,
          "2 seconds"
        )
      )
    )
    let last = yield* refresh(sql, settings, life)
    yield* sayOfWall(last)
    const round = Effect.gen(function* () {
      const next = yield* refresh(sql, settings, life)
      const problem = last === undefined || next === undefined ? undefined : disagreement(last, next)
      if (problem !== undefined) yield* Effect.logError(problem.message)
      last = next
    })
    yield* Effect.sleep(refreshEvery).pipe(
      // The holder of leases has a word on a store that fails.
      Effect.andThen(Effect.ignore(Effect.timeout(round, refreshEvery))),
      Effect.forever,
      Effect.forkScoped
    )
  })
