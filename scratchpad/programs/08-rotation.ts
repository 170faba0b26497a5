/** A socket is replaced while messages flow: the numbers go on without a Gap. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

// Every socket gets the same count.
let count = 0
const server = new WebSocketServer({ port: 0 })
const ticks = setInterval(() => {
  count++
  for (const socket of server.clients) socket.send(String(count))
}, 20)

const program = Effect.gen(function* () {
  const connection = yield* Connection.make("counter", {
    target: `ws://localhost:${(server.address() as AddressInfo).port}/`,
    codec: Codec.text,
    // In the overlap both sessions deliver the same numbers.
    rotate: { dedupe: (text) => text }
  })
  yield* Effect.forkScoped(Effect.delay(connection.rotate({ reason: "to show it" }), "300 millis"))
  const seen = yield* connection.entries.pipe(
    Stream.map((entry) => (entry._tag === "Message" ? Number(entry.message) : entry._tag)),
    Stream.take(60),
    Stream.runCollect
  )
  const numbers = seen.filter((entry) => typeof entry === "number")
  const missing = numbers.filter((n, index) => index > 0 && n !== (numbers[index - 1] ?? 0) + 1)
  yield* Effect.log({ sessions: seen.filter((entry) => entry === "SessionOpened").length, missing: missing.length })
  yield* Effect.log(`gaps: ${seen.filter((entry) => entry === "Gap").length}`)
})

await program.pipe(Effect.scoped, Effect.provide(NodeTransport.layer), Effect.runPromise)
clearInterval(ticks)
server.close()
