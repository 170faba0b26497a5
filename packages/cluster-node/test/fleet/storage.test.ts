/**
 * Proves on a real Postgres that the store says at once what has changed, as the store
 * in memory does, that it goes on when its session was lost, and that a client with
 * too few connections listens to nothing. Where this machine has no Postgres, a
 * test says so.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { FleetStore, type Notice } from "@kharbranth/cluster/FleetStore"
import * as SqlFleetStore from "@kharbranth/cluster/SqlFleetStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import * as Notices from "../../../cluster/test/support/notices.ts"
import * as Postgres from "../../../cluster/test/support/postgres.ts"
import { PostgresServer } from "../../../cluster/test/support/postgresServer.ts"
import * as Storage from "../../src/internal/fleet/storage.ts"

/** A database on a loaded machine may take its time. */
const slow = 120_000

const server = Effect.acquireRelease(
  Effect.promise(() => PostgresServer.create()),
  (made) => Effect.promise(() => made.remove())
)

const storeOf = (url: string, maxConnections: number) =>
  Effect.map(
    Layer.build(Layer.provide(Storage.layer, Layer.fresh(PgClient.layer({ url: Redacted.make(url), maxConnections })))),
    (context) => Context.get(context, FleetStore)
  )

if (Postgres.programs === undefined) {
  const loud = "NO POSTGRES ON THIS MACHINE: the store's notices are NOT tested in this run"
  it(loud, () => console.warn(`*** ${loud}. Install it: apt-get install postgresql ***`))
} else {
  describe("the store's notices", () => {
    it.live(
      "say what has changed, also after the session was lost",
      () =>
        Effect.gen(function* () {
          const url = (yield* server).url()
          const sql = Context.get(yield* Layer.build(Postgres.client(url)), SqlClient)
          yield* Effect.provideService(SqlFleetStore.migrate, SqlClient, sql)
          // Tables that have their triggers are left alone.
          yield* Effect.provideService(SqlFleetStore.migrate, SqlClient, sql)
          const { news } = yield* storeOf(url, 3)
          const other = yield* storeOf(url, 3)
          const heard = yield* Queue.unbounded<Notice>()
          yield* news!.listen((notice) => void Queue.offerUnsafe(heard, notice))
          // It listens.
          assert.deepStrictEqual(yield* Queue.take(heard), { _tag: "Wishes" })
          yield* Notices.steps(other)
          const said = yield* Queue.takeBetween(heard, Notices.expected.length, Notices.expected.length)
          assert.deepStrictEqual(said, Notices.expected)
          yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`
          assert.deepStrictEqual(yield* Queue.take(heard), { _tag: "Wishes" })
          yield* other.permits.hold("again", 1_000)
          assert.deepStrictEqual(yield* Queue.take(heard), { _tag: "Held", key: "again" })
          // One that no payload could carry is held too.
          yield* other.permits.hold("long".repeat(3_000), 1_000)
        }).pipe(Effect.scoped),
      slow
    )

    it.live(
      "are not heard where a listener would take the last connection",
      () =>
        Effect.gen(function* () {
          const url = (yield* server).url()
          assert.isUndefined((yield* storeOf(url, 2)).news)
        }).pipe(Effect.scoped),
      slow
    )
  })
}
