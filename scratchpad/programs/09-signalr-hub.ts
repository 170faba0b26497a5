/** A SignalR hub with a typed contract: a call and a stream. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Hub from "@kharbranth/signalr/Hub"
import * as HubConnection from "@kharbranth/signalr/HubConnection"
import { HubServer } from "@kharbranth/signalr/testing"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const Calculator = Hub.make({
  methods: { Add: Hub.method({ args: [Schema.Int, Schema.Int], result: Schema.Int }) },
  streams: { Count: Hub.stream({ args: [Schema.Int], item: Schema.Int }) }
})

const program = Effect.gen(function* () {
  const server = yield* HubServer.make({
    methods: { Add: ({ args }) => Effect.succeed(Number(args[0]) + Number(args[1])) },
    streams: { Count: ({ args }) => Stream.range(1, Number(args[0])) }
  })
  const hub = yield* HubConnection.make("calculator", { url: server.url, contract: Calculator })
  yield* Effect.log(yield* hub.invoke("Add", [2, 3]))
  yield* Effect.log(yield* Stream.runCollect(hub.stream("Count", [3])))
})

await program.pipe(Effect.scoped, Effect.provide([NodeTransport.layer, FetchHttpClient.layer]), Effect.runPromise)
