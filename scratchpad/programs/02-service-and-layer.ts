/** A connection as a service: one class, one layer, opened once for all who use it. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

const server = new WebSocketServer({ port: 0 })
server.on("connection", (socket) =>
  socket.on("message", (topic) => [1, 2, 3].forEach((n) => socket.send(`${String(topic)} ${n}`)))
)

class Ticker extends Connection.Service<Ticker>()("app/Ticker", {
  target: `ws://localhost:${(server.address() as AddressInfo).port}/`,
  codec: Codec.text,
  onOpen: (session) => session.send("BTC-USD")
}) {}

const program = Effect.gen(function* () {
  const { stream } = yield* Ticker
  yield* stream.pipe(
    Stream.take(3),
    Stream.runForEach((price) => Effect.log(price))
  )
})

const live = Layer.provide(Ticker.layer, NodeTransport.layer)
await program.pipe(Effect.provide(live), Effect.runPromise)
server.close()
