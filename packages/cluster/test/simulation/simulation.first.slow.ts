/**
 * Proves what `simulation.test.ts` proves, for 1,005 seeds of its own (the first
 * half of 2,010, so that two workers share them), and prints what occurred.
 */
import { assert, it } from "@effect/vitest"
import * as Campaign from "./campaign.ts"

it("a fleet keeps its promises in 1,005 histories", { timeout: 1_800_000 }, async () => {
  const tally = await Campaign.run(10_001, 11_006)
  console.log(Campaign.print(tally))
  assert.isEmpty(Campaign.absent(tally))
})
