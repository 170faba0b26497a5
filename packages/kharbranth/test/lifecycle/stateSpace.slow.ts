/**
 * Proves of the lifecycle's whole state space what `stateSpace.test.ts` proves,
 * with more sessions: four, and three where dials are hedged.
 */
import { assert, describe, it } from "@effect/vitest"
import { reduce } from "../../src/internal/lifecycle/reduce.ts"
import { explore } from "./lifecycleSpace.ts"
import { two } from "./lifecycleTable.ts"

describe("the state space of the lifecycle, further", () => {
  for (const [epochs, retryFirst] of [
    [4, true],
    [3, false]
  ] as const) {
    it(`holds every rule with ${epochs} sessions, the first connect ${retryFirst ? "retried" : "not retried"}`, () => {
      const { depth, edges, states } = explore(reduce, { ...two, retryFirst }, { epochs })
      console.log(
        `the lifecycle has ${states} states and ${edges} edges within ${epochs} sessions, ${depth} inputs deep`
      )
      assert.isAbove(states, 40_000)
      assert.isAbove(edges, 1_500_000)
    })
  }

  it("holds every rule where a hedge takes the place of the first dial", () => {
    const { states } = explore(reduce, { ...two, hedging: { most: 1, beside: false } }, { epochs: 2 })
    assert.isAbove(states, 5_000)
  })

  it("holds every rule where hedges take the place of a dial, with 3 sessions", () => {
    const { states } = explore(reduce, { ...two, hedging: { most: 2, beside: false } }, { epochs: 3 })
    console.log(`hedged, it has ${states} states within 3 sessions`)
    assert.isAbove(states, 20_000)
  })
})
