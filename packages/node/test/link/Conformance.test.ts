// Proves that this transport keeps every promise of the core's `Transport`
// contract, on real sockets against a peer that is not `ws`.
import { assert, describe, it } from "@effect/vitest"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as TransportConformance from "kharbranth/testing/TransportConformance"
import * as Effect from "effect/Effect"
import { rig } from "../support/rig.ts"

const abilities = { ping: true, pause: true, headers: true, bytes: true, status: true }
const cases = TransportConformance.casesFor(abilities)

describe("TransportConformance", () => {
  it("leaves out no case", () => {
    assert.strictEqual(cases.length, TransportConformance.cases.length)
  })

  for (const { name, run } of cases) {
    it.live(
      name,
      () =>
        run.pipe(
          Effect.provide(NodeTransport.layerWith({ proxy: false })),
          Effect.provideService(TransportConformance.Rig, rig)
        ),
      10_000
    )
  }
})
