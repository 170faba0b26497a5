/**
 * Proves that the store in Postgres does what the store in memory does: the same
 * cases and the same random histories, on a real server in a temporary folder.
 * Where this machine has no Postgres, one test says so by name, and loudly.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as SqlFleetStore from "../../src/SqlFleetStore.ts"
import * as Postgres from "../support/postgres.ts"
import * as Conformance from "./conformance.ts"
import * as Histories from "./histories.ts"

/** A database on a loaded machine may take its time. */
const slow = 120_000

/** Time passes when every time in the tables moves back. */
const advance = (sql: SqlClient) => (millis: number) => {
  const span = sql.literal(`interval '${millis} milliseconds'`)
  return Effect.all([
    sql`UPDATE kh_leases SET alive_at = alive_at - ${span}, expires_at = expires_at - ${span},
      before_alive_at = before_alive_at - ${span}, overlap_until = overlap_until - ${span}`,
    sql`UPDATE kh_outbox SET expires_at = expires_at - ${span}`,
    sql`UPDATE kh_budgets SET hold_until = hold_until - ${span}, probe_until = probe_until - ${span}`,
    sql`UPDATE kh_blocks SET over_at = over_at - ${span}`
  ]).pipe(Effect.orDie, Effect.asVoid)
}

/** The store with empty tables. */
const rig = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* SqlFleetStore.migrate
  yield* sql`TRUNCATE kh_leases, kh_names, kh_outbox, kh_notes, kh_budgets, kh_blocks`
  yield* sql`UPDATE kh_version SET last = 0`
  return { store: yield* SqlFleetStore.make, advance: advance(sql) } satisfies Conformance.Rig
})

if (Postgres.programs === undefined) {
  const loud = "NO POSTGRES ON THIS MACHINE: the SQL of the fleet's store is NOT tested in this run"
  it(loud, () => console.warn(`*** ${loud}. Install it: apt-get install postgresql ***`))
} else {
  describe("FleetStore in Postgres", () => {
    layer(Postgres.layer, { excludeTestServices: true, timeout: slow })((it) => {
      for (const { name, run } of Conformance.cases) it.effect(name, () => Effect.flatMap(rig, run), slow)

      it.effect(
        "answers as the model in 6 random histories",
        () =>
          Effect.forEach(
            Array.from({ length: 6 }, (_, n) => n + 1),
            (seed) => Effect.flatMap(rig, (rig) => Histories.history(rig, seed, 100))
          ),
        slow
      )

      it.effect(
        "creates its tables once, however many ask at the same time",
        () =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            yield* sql`DROP TABLE IF EXISTS kh_leases, kh_names, kh_outbox, kh_notes, kh_version, kh_budgets, kh_blocks`
            yield* Effect.all(
              Array.from({ length: 6 }, () => SqlFleetStore.migrate),
              { concurrency: "unbounded" }
            )
            const { leases } = yield* SqlFleetStore.make
            assert.deepStrictEqual(yield* leases.all, [])
          }),
        slow
      )

      it.effect(
        "says which statement failed, and nothing of the database's words",
        () =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            const store = yield* SqlFleetStore.make
            yield* sql`DROP TABLE kh_leases`
            const error = yield* Effect.flip(store.leases.all)
            assert.strictEqual(error._tag, "StoreFailed")
            assert.strictEqual(error.operation, "leases")
            assert.notInclude(JSON.stringify(error) + String(error), "kh_leases")
          }),
        slow
      )
    })
  })
}
