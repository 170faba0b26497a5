/**
 * Proves that what users do with a connection works in a process as it does in a
 * page: the journeys that Chromium runs too, here over `ws` and over the
 * platform's own WebSocket, against the same server.
 */
import { assert, describe, it } from "@effect/vitest"
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { afterAll, beforeAll } from "vitest"
import { journeys } from "./journeys/programs.ts"
import * as World from "./journeys/world.ts"
import * as Server from "./rig/server.ts"

const transports = { NodeTransport: NodeTransport.layer, BrowserTransport: BrowserTransport.layer() }

for (const [transport, layer] of Object.entries(transports)) {
  describe(`journeys on ${transport} in Node`, () => {
    let server: Server.Server

    beforeAll(async () => {
      server = await Server.start({ hub: true })
    })
    afterAll(() => server.stop())

    for (const [name, journey] of Object.entries(journeys)) {
      it.live(name, () =>
        Effect.gen(function* () {
          yield* Effect.scoped(journey(World.at(`http://127.0.0.1:${server.port}`)))
          yield* World.until(
            Effect.sync(() => server.sessions(null).length),
            (open) => open === 0
          ).pipe(Effect.timeout("5 seconds"))
          assert.strictEqual(server.sessions(null).length, 0)
        }).pipe(Effect.provide([layer, FetchHttpClient.layer]))
      )
    }
  })
}
