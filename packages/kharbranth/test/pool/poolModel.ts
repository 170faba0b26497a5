/**
 * Random histories of a sharding pool on a network, and what must hold after
 * every step; what they prove is said in ConnectionPool.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ConnectionPool from "../../src/ConnectionPool.ts"
import { pass, plain, randomOf, rig } from "../manager/managerRig.ts"
import { firstSeed } from "../support/histories.ts"

/** Registers so many random histories. */
export const histories = (runs: number) =>
  describe("shards at random", () => {
    it.effect(
      `${runs} random histories of placing, releasing and killing: no cap broken, no item lost, none twice, no spare member left empty`,
      () =>
        Effect.gen(function* () {
          for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
            const random = randomOf(seed)
            yield* Effect.scoped(
              Effect.gen(function* () {
                const { manager } = yield* rig()
                const maxCount = random.whole(1, 4)
                const min = random.whole(0, 3)
                const pool = yield* ConnectionPool.shards(manager, "md", {
                  member: () => plain,
                  min,
                  max: 5,
                  maxCount,
                  retireAfter: "5 seconds"
                })
                /** For how many steps each member has been empty. */
                let empty = new Map<string, number>()
                const placed = new Set<string>()
                for (let step = 0; step < 25; step++) {
                  const id = `i${random.whole(0, 20)}`
                  const dice = random.next()
                  if (dice < 0.6) {
                    const exit = yield* Effect.exit(pool.place({ id }))
                    if (Exit.isSuccess(exit)) placed.add(id)
                    else assert.isAtLeast(placed.size + 1, maxCount * 5, `seed ${seed}: refused although there is room`)
                  } else if (dice < 0.8) {
                    yield* pool.release(id)
                    placed.delete(id)
                  } else {
                    const members = yield* pool.members
                    if (members.length > 0) yield* manager.close(random.pick(members).name)
                  }
                  yield* pass("2 seconds", 1_000)
                  const members = yield* pool.members
                  for (const { count } of members) assert.isAtMost(count, maxCount, `seed ${seed}, step ${step}: cap`)
                  const carried = members.reduce((sum, { count }) => sum + count, 0)
                  assert.strictEqual(carried + (yield* pool.waiting), placed.size, `seed ${seed}, step ${step}: items`)
                  assert.isAtLeast(members.length, min, `seed ${seed}, step ${step}: min`)
                  empty = new Map(
                    members.flatMap(({ count, name }) => (count === 0 ? [[name, (empty.get(name) ?? 0) + 1]] : []))
                  )
                  const overdue = [...empty.values()].filter((steps) => steps > 3).length
                  if (members.length > min) assert.strictEqual(overdue, 0, `seed ${seed}, step ${step}: not retired`)
                  for (const id of placed) assert.isDefined(pool.find(id), `seed ${seed}, step ${step}: ${id} has room`)
                }
              })
            )
          }
        }),
      600_000
    )
  })
