/** Calls and replies over one connection, two of them at once. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Requests from "kharbranth/Requests"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

interface Reply {
  readonly id: number
  readonly sum: number
}

const server = new WebSocketServer({ port: 0 })
server.on("connection", (socket) =>
  socket.on("message", (data) => {
    const { id, numbers } = JSON.parse(String(data)) as { id: number; numbers: ReadonlyArray<number> }
    socket.send(JSON.stringify({ id, sum: numbers.reduce((a, b) => a + b, 0) }))
  })
)

const program = Effect.gen(function* () {
  const connection = yield* Connection.make("calculator", {
    target: `ws://localhost:${(server.address() as AddressInfo).port}/`,
    codec: Codec.jsonAs<Reply, unknown>()
  })
  const sums = yield* Requests.make(connection, {
    encode: (numbers: ReadonlyArray<number>, id) => ({ id, numbers }),
    match: ({ id, sum }) => ({ id, reply: sum })
  })
  yield* Effect.log(yield* Effect.all([sums.call([1, 2]), sums.call([3, 4])], { concurrency: "unbounded" }))
})

await program.pipe(Effect.scoped, Effect.provide(NodeTransport.layer), Effect.runPromise)
server.close()
