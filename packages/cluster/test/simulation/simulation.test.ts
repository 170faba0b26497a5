/**
 * Proves that a fleet keeps its promises through random histories: processes that
 * die, pause, sleep, lose the store or the server, join and leave, with clocks that
 * drift. Never two users of a name at a time, not even in a `makeFirst` move; every hole has its gap; a message
 * that is sent by name arrives at most once; and afterwards every name is open
 * once. `SEED=n` replays one history.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Campaign from "./campaign.ts"
import { simulate } from "./simulate.ts"

const only = process.env["SEED"]
const seeds = 30

describe("a fleet", () => {
  if (only !== undefined) {
    it(`seed ${only}`, () => Campaign.run(Number(only), Number(only) + 1))
    return
  }

  it("keeps its promises", async () => {
    const tally = await Campaign.run(1, seeds + 1)
    assert.isEmpty(Campaign.absent(tally), `never occurred:\n${Campaign.print(tally)}`)
  })

  it("has the same history for the same seed", async () => {
    const [once, again, other] = [await simulate(7), await simulate(7), await simulate(8)]
    assert.deepStrictEqual(again.record, once.record)
    assert.notDeepEqual(other.record.reads, once.record.reads)
  })
})
