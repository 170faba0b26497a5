// Proves on real sockets that a dial budget is kept for each way out: one manager
// dials one server from several local addresses and through a proxy, each way up
// to the limit and no further, as the server sees it; and that a way is named
// without credentials.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Codec from "kharbranth/Codec"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as NodeTransport from "../../src/NodeTransport.ts"
import { tunnel } from "../support/tunnel.ts"
import { serve } from "../support/wsServer.ts"

const limit = 3
const [here, there] = ["127.0.0.2", "127.0.0.3"]

describe("egress", () => {
  it.live("each local address and each proxy has the limit for itself", () =>
    Effect.gen(function* () {
      const seen = new Map<string | undefined, number>()
      const server = yield* serve((_, { socket }) => {
        seen.set(socket.remoteAddress, (seen.get(socket.remoteAddress) ?? 0) + 1)
      })
      const { port, targets } = yield* tunnel()
      const ways = [
        { proxy: false, localAddress: here },
        { proxy: false, localAddress: there },
        { proxy: `http://user:hidden@127.0.0.1:${port}` }
      ] as const
      const manager = yield* ConnectionManager.make({
        budget: { policy: { limits: { limit, window: "1 hour" } } }
      }).pipe(Effect.provide(NodeTransport.layerWith({ proxy: false })))
      const names = ways.flatMap((way, index) =>
        Array.from({ length: limit + 2 }, (_, n) => ({ way, name: `${index} ${n}` }))
      )
      for (const { name, way } of names) {
        yield* manager.connect(name, {
          target: server.url,
          codec: Codec.text,
          transport: NodeTransport.make(way),
          startup: "background"
        })
      }
      yield* manager.awaitReady(names.filter(({ name }) => Number(name.split(" ")[1]) < limit).map(({ name }) => name))
      const budget = yield* manager.budget.snapshot
      const origin = new URL(server.url).origin.replace("http", "ws")
      assert.sameMembers(
        budget.map(({ dialing, key, waiting }) => `${key}: ${dialing}, ${waiting}`),
        [`${origin} via ${here}: 0, 2`, `${origin} via ${there}: 0, 2`, `${origin} via 127.0.0.1:${port}: 0, 2`]
      )
      assert.deepStrictEqual([seen.get(here), seen.get(there), targets.length], [limit, limit, limit])
    }).pipe(Effect.scoped)
  )

  it("names what differs, and no credentials", () => {
    const nameOf = (options: NodeTransport.Options) => NodeTransport.make(options).egress?.("wss://feed.example")
    const proxy = "https://user:hidden@proxy.example:8443"
    assert.strictEqual(nameOf({ proxy: false }), undefined)
    assert.strictEqual(nameOf({ proxy: false, localAddress: here }), here)
    assert.strictEqual(nameOf({ proxy }), "proxy.example:8443")
    assert.strictEqual(nameOf({ proxy, localAddress: here }), `proxy.example:8443 from ${here}`)
    // What is no proxy is refused when it is dialed.
    assert.strictEqual(nameOf({ proxy: "hidden" }), undefined)
  })
})
