/** What a connection does, as events and figures, while its server cuts it off. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

const server = new WebSocketServer({ port: 0 })
server.once("connection", (socket) => setTimeout(() => socket.close(1012), 100))

const program = Effect.gen(function* () {
  const connection = yield* Connection.make("watched", {
    target: `ws://localhost:${(server.address() as AddressInfo).port}/`,
    reconnect: Reconnect.prompt
  })
  yield* connection.events.pipe(
    Stream.tap((event) => Effect.log(event._tag)),
    Stream.takeUntil((event) => event._tag === "GatePassed" && event.gate === "Ready"),
    Stream.runDrain
  )
  const { dials, reconnects } = yield* Connection.metrics(connection)
  yield* Effect.log({ dials, reconnects })
})

await program.pipe(Effect.scoped, Effect.provide(NodeTransport.layer), Effect.runPromise)
server.close()
