/** The transport that shares one socket between tabs: dial once, write once. */
import * as SharedTransport from "@kharbranth/browser/SharedTransport"
import * as Effect from "effect/Effect"
import { Transport } from "kharbranth/Transport"

const ignore = () => {}

const program = Effect.gen(function* () {
  const transport = yield* Transport
  const link = yield* transport.dial(
    {
      connection: "app",
      epoch: 1,
      url: "wss://feed.example/ws",
      subprotocols: [],
      headers: {},
      maxMessageSize: 1_000_000,
      writeMark: { high: 65_536, low: 16_384 }
    },
    { frame: ignore, ping: ignore, pong: ignore, drained: ignore, ended: ignore }
  )
  link.write(["hello"])
  return yield* Effect.never
})

Effect.runFork(program.pipe(Effect.scoped, Effect.provide(SharedTransport.layer())))
