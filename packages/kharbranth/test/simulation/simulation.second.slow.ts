/**
 * Proves what `simulation.test.ts` proves, for 2,535 seeds of its own (the second
 * half of 5,070, so that two workers share them), and prints how often each kind
 * of fault, restart and outcome occurred.
 */
import { assert, it } from "@effect/vitest"
import * as Campaign from "./campaign.ts"
import * as Tally from "./tally.ts"

it("keeps every promise in 2,535 histories", { timeout: 600_000 }, async () => {
  const tally = await Campaign.run(12_536, 15_071)
  console.log(Tally.print(tally))
  assert.isEmpty(Tally.absent(tally))
})
