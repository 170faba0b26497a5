// Proves that Effect's own sockets serve as a transport: on `ws` every promise is
// kept that their abilities allow, on real sockets; on a bare Effect `Socket` all but those that its
// interface cannot keep, which are named here one by one.
import { assert, describe, it } from "@effect/vitest"
import * as NodeWS from "@effect/platform-node/NodeWS"
import * as Socket from "kharbranth/interop/Socket"
import * as TransportConformance from "kharbranth/testing/TransportConformance"
import type { Transport } from "kharbranth/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as EffectSocket from "effect/socket/Socket"
import { rig } from "../support/rig.ts"

/** A platform without `terminate` keeps the TCP connection until its own patience ends. */
const needTerminate = [
  "a close that is never answered ends by terminate",
  "closing the scope during a close that is never answered ends the link"
]

const suite = (
  layer: Layer.Layer<Transport>,
  abilities: { readonly pause: boolean; readonly headers: boolean },
  exceptions: ReadonlyArray<string> = []
) => {
  const cases = TransportConformance.casesFor({ ping: false, bytes: false, status: false, ...abilities })
  it("knows its exceptions", () => {
    const names = new Set(cases.map(({ name }) => name))
    assert.deepStrictEqual(
      exceptions.filter((name) => !names.has(name)),
      []
    )
  })
  for (const { name, run } of cases.filter((one) => !exceptions.includes(one.name))) {
    it.live(name, () => run.pipe(Effect.provide(layer), Effect.provideService(TransportConformance.Rig, rig)), 10_000)
  }
}

describe("interop/Socket.layerWebSocket", () => {
  describe("on `ws`", () => {
    const abilities = { pause: true, headers: true }
    suite(Socket.layerWebSocket(abilities).pipe(Layer.provide(NodeWS.layerWebSocketConstructor)), abilities)
  })
})

describe("interop/Socket.layerTransport", () => {
  const abilities = { pause: true, headers: true }
  suite(
    Socket.layerTransport(
      ({ headers, subprotocols, url }) =>
        EffectSocket.makeWebSocket(url, { protocols: [...subprotocols], headers, openTimeout: "1 hour" }),
      abilities
    ).pipe(Layer.provide(NodeWS.layerWebSocketConstructor)),
    abilities,
    [
      ...needTerminate,
      "the subprotocol that the server chose is the link's",
      "buffered grows while the server does not read, and drained comes once at the low mark"
    ]
  )
})
