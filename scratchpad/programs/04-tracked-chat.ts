/** A chat whose lines are tracked: each ends in one outcome, and the one that a cut swallowed is Unknown. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

interface Line {
  readonly id: string
  readonly text: string
}

// It acknowledges every line but the one that makes it cut the socket.
const server = new WebSocketServer({ port: 0 })
server.on("connection", (socket) =>
  socket.on("message", (data) => (String(data).includes("cut") ? socket.terminate() : socket.send(String(data))))
)

const program = Effect.gen(function* () {
  const chat = yield* Connection.make("chat", {
    target: `ws://localhost:${(server.address() as AddressInfo).port}/`,
    codec: Codec.jsonAs<Line>(),
    reconnect: Reconnect.prompt,
    outbox: { acks: { id: (line) => line.id, match: (reply) => reply.id } }
  })
  for (const [id, text] of ["hello", "cut me off", "still here?"].entries()) {
    const outcome = yield* Connection.track(chat, { id: String(id), text })
    yield* Effect.log(text, (yield* outcome)._tag)
  }
})

await program.pipe(Effect.scoped, Effect.provide(NodeTransport.layer), Effect.runPromise)
server.close()
