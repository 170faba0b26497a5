/**
 * A page's app as a user writes it: one hub by name, over WebSockets and JSON, with calls, a stream and a handler. Its
 * transport is left to the page, which pays for it in any case.
 */
import * as HubConnection from "@kharbranth/signalr/HubConnection"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Stream from "effect/Stream"

const program = Effect.gen(function* () {
  const hub = yield* HubConnection.make("chat", { url: "https://chat.example/hub" })
  yield* hub.untyped.on("message", (args) => Effect.sync(() => document.body.append(String(args[0]))))
  yield* hub.untyped.invoke("Join", ["lobby"])
  yield* Stream.runForEach(hub.untyped.stream("History"), (line) =>
    Effect.sync(() => document.body.append(String(line)))
  )
})

export const app = program.pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
