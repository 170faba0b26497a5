/**
 * Proves with real processes that names of a `makeFirst` kind are never without a
 * socket when all processes of a fleet are replaced, that owners say before which
 * names the server will see twice, and that consumers get every message once. Where
 * this machine has no Postgres, `fleet.fleet.ts` says so.
 */
import { describe, it } from "@effect/vitest"
import { programs } from "../../../cluster/test/support/postgresServer.ts"
import { deployedMakeFirst } from "../rig/overlaps.ts"
import { holds, withRig } from "./withRig.ts"

if (programs !== undefined) {
  describe("a fleet whose names move with makeFirst", () => {
    withRig({ handover: "makeFirst" }, (rig) => {
      it("blue-green deploy: no name is ever without a socket", async () => {
        holds(await deployedMakeFirst(rig()))
      })
    })
  })
} else {
  it("needs Postgres", () => console.warn("*** NO POSTGRES ON THIS MACHINE: moves with makeFirst are NOT tested ***"))
}
