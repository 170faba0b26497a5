/**
 * Proves that the simulation bites: every way to falsify a history is seen by
 * the checker, and every bug planted in the core is found within a few seeds.
 */
import { assert, describe, it } from "@effect/vitest"
import { vi } from "vitest"
import type * as Lifecycle from "../../src/internal/lifecycle/reduce.ts"
import { bugs, type Reduce } from "./bugs.ts"
import * as Campaign from "./campaign.ts"
import * as Checker from "./checker.ts"
import { simulate } from "./simulate.ts"
import { tamperings } from "./tampering.ts"

const reducer = vi.hoisted(() => ({ wrap: undefined as ((right: Reduce) => Reduce) | undefined }))

vi.mock("../../src/internal/lifecycle/reduce.ts", async (importOriginal) => {
  const original = await importOriginal<typeof Lifecycle>()
  const reduce: Reduce = (state, input, now) => (reducer.wrap?.(original.reduce) ?? original.reduce)(state, input, now)
  return { ...original, reduce }
})

const seeds = 60

describe("the checker", () => {
  const histories = Array.from({ length: 8 }, (_, index) => simulate(index + 1))

  it("finds nothing in true histories", async () => {
    for (const { history } of await Promise.all(histories)) assert.isEmpty(Checker.check(history))
  })

  for (const { breaks, falsify, name } of tamperings) {
    it(`sees it when ${name}`, async () => {
      let tried = 0
      for (const { history } of await Promise.all(histories)) {
        const facts = falsify(history.facts, history.terms)
        if (facts === undefined) continue
        tried++
        const rules = Checker.check({ ...history, facts }).map(({ rule }) => rule)
        assert.include(rules, breaks, `seed ${history.seed}`)
      }
      assert.isAbove(tried, 0, "no history had anything to falsify")
    })
  }
})

describe("the simulation", () => {
  for (const { breaks, name, plant, reduce, sabotage } of bugs) {
    it(`finds it when ${name}`, { timeout: 60_000 }, async () => {
      const mend = plant?.()
      reducer.wrap = reduce
      try {
        assert.isDefined(await Campaign.hunt(breaks, sabotage ?? {}, seeds), `not found in ${seeds} seeds`)
      } finally {
        reducer.wrap = undefined
        mend?.()
      }
    })
  }
})
