/** Topics that stay subscribed: the server cuts the socket, and prices go on after a Gap. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Subscriptions from "kharbranth/Subscriptions"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

interface FromServer {
  readonly ack?: number
  readonly topic?: string
  readonly price?: number
}

let sessions = 0
const server = new WebSocketServer({ port: 0 })
server.on("connection", (socket) => {
  const price = ++sessions
  socket.on("message", (data) => {
    const { id, topics } = JSON.parse(String(data)) as { id: number; topics: ReadonlyArray<string> }
    for (const message of [{ ack: id }, ...topics.map((topic) => ({ topic, price }))])
      socket.send(JSON.stringify(message))
    // The first session does not live long.
    if (price === 1) setTimeout(() => socket.terminate(), 50)
  })
})

const program = Effect.gen(function* () {
  const exchange = yield* Connection.make("exchange", {
    target: `ws://localhost:${(server.address() as AddressInfo).port}/`,
    codec: Codec.jsonAs<FromServer, unknown>(),
    reconnect: Reconnect.prompt
  })
  const subscriptions = yield* Subscriptions.make(exchange, {
    subscribe: (topics: ReadonlyArray<string>, id) => ({ op: "subscribe", topics, id }),
    unsubscribe: (topics, id) => ({ op: "unsubscribe", topics, id }),
    match: ({ ack, topic }) => (topic === undefined ? Subscriptions.ack(ack) : Subscriptions.data(topic))
  })
  yield* subscriptions.entries("BTC-USD").pipe(
    Stream.take(3),
    Stream.runForEach((entry) => Effect.log(entry._tag === "Message" ? entry.message : entry._tag))
  )
})

await program.pipe(Effect.scoped, Effect.provide(NodeTransport.layer), Effect.runPromise)
server.close()
