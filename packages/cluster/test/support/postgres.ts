/** A client of a Postgres of the test's own, which is gone with its scope. */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { PostgresServer } from "./postgresServer.ts"

export { programs } from "./postgresServer.ts"

const running = Effect.acquireRelease(
  Effect.promise(() => PostgresServer.create()),
  (server) => Effect.promise(() => server.remove())
)

/** A server takes connections a little before it answers. */
const answering = Effect.flatMap(SqlClient, (sql) => sql`SELECT 1`).pipe(
  Effect.retry(Schedule.max([Schedule.spaced("50 millis"), Schedule.recurs(400)]))
)

/** A client of a server, by its url. */
export const client = (url: string): Layer.Layer<SqlClient> =>
  Layer.orDie(
    Layer.effectDiscard(answering).pipe(
      Layer.provideMerge(Layer.fresh(PgClient.layer({ url: Redacted.make(url), connectTimeout: "2 seconds" })))
    )
  )

/** A client of a new, empty database. */
export const layer: Layer.Layer<SqlClient> = Layer.unwrap(Effect.map(running, (server) => client(server.url())))
