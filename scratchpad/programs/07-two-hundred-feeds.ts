/** Two hundred named connections from one JSON value, read together. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

const server = new WebSocketServer({ port: 0 })
server.on("connection", (socket, { url }) => socket.send(`price of ${url?.slice(1)}`))
const { port } = server.address() as AddressInfo

const configuration = {
  connections: Object.fromEntries(
    Array.from({ length: 200 }, (_, n) => [`feed-${n}`, { url: `ws://localhost:${port}/feed-${n}`, codec: "text" }])
  )
}

const program = Effect.gen(function* () {
  const manager = yield* ConnectionManager.ConnectionManager
  yield* manager.declare(configuration)
  const prices = yield* manager.messages().pipe(Stream.take(200), Stream.runCollect)
  const names = new Set(prices.map(({ name }) => name))
  yield* Effect.log(`${names.size} feeds, the first price: ${String(prices[0]?.message)}`)
})

const live = Layer.provide(ConnectionManager.layer(), NodeTransport.layer)
await program.pipe(Effect.provide(live), Effect.runPromise)
server.close()
