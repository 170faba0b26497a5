/** The program of a page, run here on Node's own WebSocket: a text heartbeat, and a page that freezes and thaws. */
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as PageLifecycle from "@kharbranth/browser/PageLifecycle"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

const server = new WebSocketServer({ port: 0 })
server.on("connection", (socket) =>
  socket.on("message", (data) => socket.send(String(data) === "ping" ? "pong" : String(data)))
)

// In a page: PageLifecycle.layer() in place of layerTest, which is moved by hand.
const page = Layer.provideMerge(PageLifecycle.layerSurroundings(), PageLifecycle.layerTest)

const program = Effect.gen(function* () {
  const connection = yield* Connection.make("page", {
    target: `ws://localhost:${(server.address() as AddressInfo).port}/`,
    codec: Codec.text,
    heartbeat: Heartbeat.text({ every: "20 seconds" })
  })
  const { emit } = yield* PageLifecycle.Controller
  yield* emit({ _tag: "Freeze" })
  yield* Effect.log("frozen:", connection.state.getUnsafe()._tag)
  yield* emit({ _tag: "Resume" })
  yield* connection.awaitReady
  yield* connection.send("back again")
  yield* Effect.log(yield* connection.receive)
})

await program.pipe(Effect.scoped, Effect.provide([BrowserTransport.layer(), page]), Effect.runPromise)
server.close()
