/**
 * Proves with real processes that the dials of a fleet stay within its limit, even
 * while a third of it dies, as the server of all feeds counts them. Where this
 * machine has no Postgres, the other suite says so.
 */
import { describe, it } from "@effect/vitest"
import { programs } from "../../../cluster/test/support/postgresServer.ts"
import * as Scenarios from "../rig/scenarios.ts"
import { holds, withRig } from "./withRig.ts"

if (programs !== undefined) {
  describe("a fleet with a budget of 40 dials in 5 seconds", () => {
    withRig({ limit: 40 }, (rig) => {
      it("never dials more, even when a third of it dies", async () => {
        holds(await Scenarios.withinBudget(rig(), rig().any(), 40, 5_000))
      }, 300_000)
    })
  })
} else {
  it("needs Postgres", () => console.warn("*** NO POSTGRES ON THIS MACHINE: the budget of a fleet is NOT tested ***"))
}
