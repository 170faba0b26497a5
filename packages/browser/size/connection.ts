/** An app as a user writes it: one connection with reconnect, heartbeat and outbox at work. */
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"

class Ticker extends Connection.Service<Ticker>()("app/Ticker", {
  target: { url: "wss://feed.example/ws" },
  heartbeat: Heartbeat.text({ every: "20 seconds", timeout: "10 seconds", probe: "ping" })
}) {}

const program = Effect.gen(function* () {
  const ticker = yield* Ticker
  yield* ticker.send("hello")
  yield* Stream.runForEach(ticker.stream, (message) => Effect.sync(() => document.body.append(message._tag)))
})

Effect.runFork(program.pipe(Effect.provide(Ticker.layer.pipe(Layer.provide(BrowserTransport.layer())))))
