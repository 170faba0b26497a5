/**
 * Proves that a set-up that cannot work fails when a process starts, with an error
 * that says what is wrong: on a real Postgres, with roles that lack rights, with
 * tables of an older version, behind a real PgBouncer, and beside processes with
 * other settings. Where this machine has no Postgres or no PgBouncer, a test says so.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { client } from "../../../cluster/test/support/postgres.ts"
import { PostgresServer, programs } from "../../../cluster/test/support/postgresServer.ts"
import { versionProblem } from "../../src/internal/setup/database.ts"
import { disagreement } from "../../src/internal/setup/runners.ts"
import * as Setup from "../../src/internal/setup/setup.ts"
import * as NodeFleet from "../../src/NodeFleet.ts"
import * as PgBouncer from "./pgbouncer.ts"

const slow = 120_000

class Database extends Context.Service<Database, PostgresServer>()("test/Database") {
  static readonly layer = Layer.effect(
    Database,
    Effect.acquireRelease(
      Effect.promise(() => PostgresServer.create()),
      (server) => Effect.promise(() => server.remove())
    )
  )
}

const settings = (address = "10.0.0.1:1", over: Partial<Parameters<typeof Setup.layer>[0]> = {}) => ({
  address,
  shards: 300,
  group: "default",
  ...over
})

/** Looks at the set-up as a process at that url does; its row stays as long as the scope. */
const look = (url: string, as = settings()) =>
  Effect.flatMap(Layer.build(client(url)), (context) => Effect.provide(Layer.build(Setup.layer(as)), context))

const refusal = (url: string, as = settings()) => Effect.flip(Effect.scoped(look(url, as)))

/** As the superuser, with nothing of a fleet there. */
const empty = Effect.gen(function* () {
  const database = yield* Database
  const sql = yield* Effect.map(Layer.build(client(database.url())), Context.get(SqlClient))
  yield* sql.unsafe(`DROP SCHEMA public CASCADE`)
  yield* sql.unsafe(`CREATE SCHEMA public`)
  yield* sql.unsafe(`GRANT USAGE ON SCHEMA public TO PUBLIC`)
  yield* sql.unsafe(`DROP ROLE IF EXISTS guest`)
  yield* sql.unsafe(`CREATE ROLE guest LOGIN`)
  return { database, sql }
})

describe("a version of Postgres", () => {
  it("before 14 is too old, and the message says which and why", () => {
    assert.include(versionProblem(130_014, "13.14")?.message ?? "", "Postgres 13.14 is too old")
    assert.isUndefined(versionProblem(140_000, "14.0"))
  })
})

describe("two clocks", () => {
  const sample = (here: number, store: number) => ({ here, store, took: 10 })
  it("may advance by a thirtieth differently, and what asking took is in doubt", () => {
    assert.isUndefined(disagreement(sample(0, 5_000_000), sample(10_000, 5_010_300)))
    assert.isUndefined(disagreement(sample(0, 5_000_000), sample(10_000, 5_009_700)))
  })
  it("that drift, or of which one was set, are reported", () => {
    assert.include(disagreement(sample(0, 0), sample(10_000, 10_600))?.message ?? "", "10600 ms while 10000 ms")
    assert.isDefined(disagreement(sample(0, 0), sample(10_000, 9_400)))
    assert.isDefined(disagreement(sample(0, 0), sample(10_000, -3_600_000)))
  })
})

if (programs === undefined) {
  const loud = "NO POSTGRES ON THIS MACHINE: the look at a set-up is NOT tested in this run"
  it(loud, () => console.warn(`*** ${loud}. Install it: apt-get install postgresql ***`))
} else {
  layer(Database.layer, { excludeTestServices: true, timeout: slow })("a set-up", (it) => {
    it.effect(
      "that is right creates its tables, again and again, and at the same time",
      () =>
        Effect.gen(function* () {
          const { database, sql } = yield* empty
          yield* Effect.all(
            ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"].map((address) => look(database.url(), settings(address))),
            { concurrency: "unbounded" }
          )
          const rows = yield* sql`SELECT address FROM kh_runners`
          assert.lengthOf(rows, 3)
        }),
      slow
    )

    it.effect(
      "of a role that may not create tables says so, and names the role",
      () =>
        Effect.gen(function* () {
          const { database } = yield* empty
          const error = yield* refusal(database.url("guest"))
          assert.strictEqual(error._tag, "MissingRights")
          assert.include(error.message, `"guest" lacks rights in Postgres: CREATE on schema public`)
        }),
      slow
    )

    it.effect(
      "of a role that finds tables which it may not use lists them; with grants it works",
      () =>
        Effect.gen(function* () {
          const { database, sql } = yield* empty
          yield* Effect.provide(NodeFleet.migrate, client(database.url()))
          const error = yield* refusal(database.url("guest"))
          assert.strictEqual(error._tag, "MissingRights")
          assert.include(error.message, "SELECT, INSERT, UPDATE, DELETE on kh_leases")
          assert.include(error.message, "USAGE on kh_blocks_id_seq")
          yield* sql.unsafe(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest`)
          const still = yield* refusal(database.url("guest"))
          assert.notInclude(still.message, "kh_leases")
          yield* sql.unsafe(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO guest`)
          yield* look(database.url("guest"))
        }),
      slow
    )

    it.effect(
      "with tables of an older version says which it needs",
      () =>
        Effect.gen(function* () {
          const { database, sql } = yield* empty
          yield* Effect.provide(NodeFleet.migrate, client(database.url()))
          yield* sql.unsafe(`GRANT ALL ON ALL TABLES IN SCHEMA public TO guest`)
          yield* sql.unsafe(`GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guest`)
          yield* sql`UPDATE kh_schema SET version = 0`
          const error = yield* refusal(database.url("guest"))
          assert.strictEqual(error._tag, "MissingMigrations")
          assert.include(error.message, "of version 0, and this process needs version 1")
        }),
      slow
    )

    it.effect(
      "with another number of shards than a process that lives is refused, until that one ends",
      () =>
        Effect.gen(function* () {
          const { database } = yield* empty
          const first = Scope.makeUnsafe()
          yield* Scope.provide(look(database.url()), first)
          const other = settings("10.0.0.2:1", { shards: 100 })
          const error = yield* refusal(database.url(), other)
          assert.strictEqual(error._tag, "FleetMismatch")
          assert.include(error.message, "`shards` is 100 here and 300 in the process at 10.0.0.1:1")
          const group = yield* refusal(database.url(), settings("10.0.0.2:1", { group: "eu" }))
          assert.include(group.message, "`group` is eu here and default in")
          yield* Scope.close(first, Exit.void)
          yield* look(database.url(), other)
        }),
      slow
    )

    it.effect(
      "of a process that starts again at its address replaces what the dead one said",
      () =>
        Effect.gen(function* () {
          const { database, sql } = yield* empty
          yield* look(database.url())
          yield* look(database.url(), settings("10.0.0.1:1", { shards: 100 }))
          assert.deepStrictEqual(yield* sql`SELECT shards FROM kh_runners`, [{ shards: 100 }])
        }),
      slow
    )

    it.effect(
      "does not count a process that was silent for half a minute",
      () =>
        Effect.gen(function* () {
          const { database, sql } = yield* empty
          yield* look(database.url())
          yield* sql`UPDATE kh_runners SET seen_at = seen_at - interval '31 seconds'`
          yield* look(database.url(), settings("10.0.0.2:1", { shards: 100 }))
        }),
      slow
    )

    it.effect(
      "beside a process of another version of the protocol is refused",
      () =>
        Effect.gen(function* () {
          const { database, sql } = yield* empty
          yield* look(database.url())
          yield* sql`UPDATE kh_runners SET protocol = 99`
          const error = yield* refusal(database.url(), settings("10.0.0.2:1"))
          assert.strictEqual(error._tag, "VersionSkew")
          assert.include(error.message, "version 1 of the fleet's protocol, and the one at 10.0.0.1:1 version 99")
        }),
      slow
    )

    it.effect(
      "with a client of one connection says so",
      () =>
        Effect.gen(function* () {
          const { database } = yield* empty
          const one = PgClient.layer({ url: Redacted.make(database.url()), maxConnections: 1 })
          const error = yield* Effect.flip(
            Effect.scoped(Layer.build(Setup.layer(settings())).pipe(Effect.provide(one)))
          )
          assert.strictEqual(error._tag, "TooFewConnections")
        }),
      slow
    )

    if (PgBouncer.program === undefined) {
      const loud = "NO PGBOUNCER ON THIS MACHINE: it is NOT tested that one by transaction is noticed"
      it.effect(loud, () => Effect.sync(() => console.warn(`*** ${loud}. Install it: apt-get install pgbouncer ***`)))
    } else {
      it.effect(
        "behind PgBouncer by transaction is refused; by session it works",
        () =>
          Effect.gen(function* () {
            const { database } = yield* empty
            const error = yield* refusal(yield* PgBouncer.behind(database, "transaction"))
            assert.strictEqual(error._tag, "TransactionPooling")
            assert.include(error.message, "pool_mode=transaction")
            yield* look(yield* PgBouncer.behind(database, "session"))
          }),
        slow
      )
    }
  })
}
