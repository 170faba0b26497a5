/**
 * Proves that an explanation blames the right cause: in histories with a single
 * fault of every kind, at least 95 of 100, and that each of its entries exists.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Why from "kharbranth/Why"
import { firstSeed, runsOf } from "../support/histories.ts"
import { judge, runOne } from "./singleFault.ts"

describe("the blame", () => {
  it("is right in single-fault histories", async () => {
    const seeds = Array.from({ length: runsOf(100) }, (_, index) => firstSeed + index)
    const { share, wrong } = await judge(seeds)
    assert.isAtLeast(share, 0.95, wrong.join("\n\n"))
  })

  it("has a chain of entries that are on record, each the cause of the next, and prints five lines", async () => {
    for (let seed = firstSeed; seed < firstSeed + 24; seed += 3) {
      const { explanation, recording } = await runOne(seed)
      const bySeq = new Map(recording.entries.map((entry) => [entry.seq, entry]))
      for (const [index, seq] of explanation.chain.entries()) {
        const { because } = bySeq.get(seq)!
        if (index > 0) assert.strictEqual(because, explanation.chain[index - 1], `seed ${seed}`)
      }
      const lines = Why.print(explanation).split("\n")
      assert.deepStrictEqual(
        lines.slice(1).map((line) => line.split(" ")[0]),
        ["because", "you", "next", "do"],
        `seed ${seed}`
      )
      assert.notInclude(Why.print(explanation), "undefined", `seed ${seed}`)
      assert.deepStrictEqual(Why.explain(JSON.parse(JSON.stringify(recording)) as typeof recording), explanation)
    }
  })
})
