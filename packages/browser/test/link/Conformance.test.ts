/**
 * Proves that the transport on the platform's WebSocket, by itself and as the
 * leader of a shared socket, keeps every promise of the core's `Transport`
 * contract that its platform lets it keep, against a peer that speaks the wire
 * format by hand.
 */
import { assert, describe, it } from "@effect/vitest"
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as PageLifecycle from "@kharbranth/browser/PageLifecycle"
import * as SharedTransport from "@kharbranth/browser/SharedTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TransportConformance from "kharbranth/testing/TransportConformance"
import { rig } from "../../../node/test/support/rig.ts"

const abilities = { ping: false, pause: false, headers: false, bytes: false, status: false }

/** Node's own WebSocket has no way to cut a socket whose close is not answered. Chromium does it after about a minute. */
const uncuttable = [
  "a close that is never answered ends by terminate",
  "closing the scope during a close that is never answered ends the link"
]

const transports = {
  BrowserTransport: { layer: BrowserTransport.layer(), except: uncuttable },
  SharedTransport: {
    layer: SharedTransport.layerOver({ group: `conformance-${process.pid}` }).pipe(
      Layer.provide([BrowserTransport.layer(), PageLifecycle.layerTest])
    ),
    // Two dials of one connection to one endpoint are meant to be one socket.
    except: [...uncuttable, "two links are independent"]
  }
}

for (const [transport, { except, layer }] of Object.entries(transports)) {
  describe(`${transport} conformance`, () => {
    const cases = TransportConformance.casesFor(abilities)
    const kept = cases.filter(({ name }) => !except.includes(name))

    it("leaves out nothing but the exceptions", () => {
      assert.strictEqual(kept.length, cases.length - except.length)
    })

    for (const { name, run } of kept) {
      it.live(name, () => run.pipe(Effect.provide(layer), Effect.provideService(TransportConformance.Rig, rig)), 10_000)
    }
  })
}
