/**
 * Proves that a connection keeps its promises through 25 simulated
 * histories: ten virtual minutes and more, two dozen faults, over two hundred
 * messages each; and that every kind of fault and outcome occurred among them.
 * `SEED=n` replays one history.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Campaign from "./campaign.ts"
import * as Checker from "./checker.ts"
import { simulate } from "./simulate.ts"
import * as Tally from "./tally.ts"

const only = process.env["SEED"]
const seeds = 25

describe("simulation", () => {
  if (only !== undefined) {
    it(`seed ${only}`, async () => {
      const simulation = await simulate(Number(only))
      const violations = Checker.check(simulation.history)
      assert.isEmpty(violations, Campaign.explain(simulation, violations))
    })
    return
  }

  it("keeps every promise", async () => {
    const tally = await Campaign.run(1, seeds + 1)
    assert.isEmpty(Tally.absent(tally), `never occurred:\n${Tally.print(tally)}`)
  })

  it("is decided by its seed", async () => {
    const once = await simulate(11)
    const again = await simulate(11)
    assert.deepStrictEqual(JSON.stringify(again.history.facts), JSON.stringify(once.history.facts))
    assert.deepStrictEqual(again.network.length, once.network.length)
    const other = await simulate(12)
    assert.notStrictEqual(JSON.stringify(other.history.facts), JSON.stringify(once.history.facts))
  })

  it("is as long and as rough as it says", async () => {
    const { history, network } = await simulate(11)
    assert.isAtLeast(network.at(-1)?.at ?? 0, 600_000)
    assert.isAtLeast(network.filter((event) => event._tag === "Injected").length, 20)
    assert.isAtLeast(history.facts.filter((fact) => fact.e === "call").length, 200)
  })
})
