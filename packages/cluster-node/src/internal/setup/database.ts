/** Whether a database can serve a fleet: its version, and what stands in front of it. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import { PostgresTooOld, TooFewConnections, TransactionPooling } from "../../SetupError.ts"

/** The first version with `idle_session_timeout`, as `server_version_num` counts. */
const oldest = 140_000

export const versionProblem = (number: number, text: string): PostgresTooOld | undefined =>
  number < oldest ? new PostgresTooOld({ found: text }) : undefined

export const checkVersion = (sql: SqlClient): Effect.Effect<void, SqlError | PostgresTooOld> =>
  Effect.flatMap(
    sql<{ readonly number: number; readonly text: string }>`
      SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS text`,
    ([row]) => {
      const problem = row === undefined ? undefined : versionProblem(row.number, row.text)
      return problem === undefined ? Effect.void : Effect.fail(problem)
    }
  )

// A pooler keeps no prepared statements, and a transaction does not go through the client's own words for it.
const run = (connection: Connection, statement: string) => connection.executeUnprepared(statement, [], undefined)

const backendOf = (connection: Connection) =>
  Effect.map(run(connection, "SELECT pg_backend_pid() AS pid"), (rows) => (rows[0] as { readonly pid: number }).pid)

const patience = "5 seconds"

/**
 * Takes two connections. While a transaction is open on the second, the first must still have the session that it had
 * before; behind a pooler by transaction, the second has it.
 */
export const checkSessions = (sql: SqlClient): Effect.Effect<void, SqlError | TooFewConnections | TransactionPooling> =>
  Effect.gen(function* () {
    const first = yield* sql.reserve
    const second = yield* Effect.timeoutOrElse(sql.reserve, {
      duration: patience,
      orElse: () => Effect.fail(new TooFewConnections())
    })
    const before = yield* backendOf(first)
    const isKept = yield* Effect.gen(function* () {
      yield* run(second, "BEGIN")
      const other = yield* backendOf(second)
      return other !== before && (yield* backendOf(first)) === before
    }).pipe(
      // A pool that has no session left lets the first wait for the second.
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed(false) }),
      // A pooler by statement refuses transactions.
      Effect.orElseSucceed(() => false),
      Effect.ensuring(Effect.ignore(run(second, "ROLLBACK")))
    )
    if (!isKept) return yield* new TransactionPooling()
  }).pipe(Effect.scoped)
