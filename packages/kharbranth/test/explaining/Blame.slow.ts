/** Proves that over a thousand histories with a single fault, too, the blame is right in at least 95 of 100. */
import { assert, describe, it } from "@effect/vitest"
import { firstSeed, runsOf } from "../support/histories.ts"
import { judge } from "./singleFault.ts"

describe("the blame", () => {
  it("is right in single-fault histories, many of them", async () => {
    const seeds = Array.from({ length: runsOf(1000) }, (_, index) => firstSeed + index)
    const { share, wrong } = await judge(seeds)
    assert.isAtLeast(share, 0.95, wrong.join("\n\n"))
  }, 900_000)
})
