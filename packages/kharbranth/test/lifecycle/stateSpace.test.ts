/**
 * Proves of the lifecycle's whole state space, not of a sample: with two
 * endpoints and two sessions, every input in every order, no reachable
 * transition breaks a rule of the monitor. Reducers with one bug each are found
 * within three sessions, with the shortest way to the bug. `stateSpace.slow.ts` goes on to four.
 */
import { assert, describe, it } from "@effect/vitest"
import { reduce } from "../../src/internal/lifecycle/reduce.ts"
import { Broken } from "./lifecycleMonitor.ts"
import { mutants } from "./lifecycleMutants.ts"
import { explore } from "./lifecycleSpace.ts"
import { two } from "./lifecycleTable.ts"
import type { Reduce } from "./lifecycleWalk.ts"

describe("the state space of the lifecycle", () => {
  it("holds every rule with 2 sessions", () => {
    const { edges, states } = explore(reduce, { ...two, retryFirst: true }, { epochs: 2 })
    // Fewer would mean that the exploration stopped short.
    assert.isAbove(states, 9_000)
    assert.isAbove(edges, 300_000)
  })

  for (const [name, mutant] of Object.entries(mutants)) {
    it(`shows: ${name}`, () => {
      const way = bugIn(mutant, true) ?? bugIn(mutant, false)
      assert.isDefined(way, "every reachable state holds every rule")
      assert.match(way, /by way of/)
    })
  }
})

/** The rule that is broken, and the shortest way there. */
const bugIn = (mutant: Reduce, retryFirst: boolean): string | undefined => {
  try {
    explore(mutant, { ...two, retryFirst }, { epochs: 3 })
    return undefined
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    return error.message
  }
}
