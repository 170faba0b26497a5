/** One connection to an echo server: send, receive, close. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

const server = new WebSocketServer({ port: 0 })
server.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))))
const target = `ws://localhost:${(server.address() as AddressInfo).port}/`

const program = Effect.gen(function* () {
  const connection = yield* Connection.make("echo", { target, codec: Codec.text })
  yield* connection.send("hello")
  yield* Effect.log(yield* connection.receive)
})

await program.pipe(Effect.scoped, Effect.provide(NodeTransport.layer), Effect.runPromise)
server.close()
