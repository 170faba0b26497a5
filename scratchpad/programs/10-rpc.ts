/** Effect's RpcClient over a connection that heals. */
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Connection from "kharbranth/Connection"
import * as Socket from "kharbranth/interop/Socket"

class Greetings extends RpcGroup.make(
  Rpc.make("Greet", { payload: { name: Schema.String }, success: Schema.String })
) {}

const port = 38_417
const server = RpcServer.layer(Greetings).pipe(
  Layer.provide(Greetings.toLayer({ Greet: ({ name }) => Effect.succeed(`Hello, ${name}`) })),
  Layer.provide(RpcServer.layerProtocolSocketServer),
  Layer.provide(NodeSocketServer.layerWebSocket({ host: "127.0.0.1", port })),
  Layer.provide(RpcSerialization.layerJson)
)

const protocol = RpcClient.layerProtocolSocket().pipe(
  Layer.provide(Socket.layer(Connection.make("rpc", { target: `ws://127.0.0.1:${port}/` }))),
  Layer.provide(NodeTransport.layer),
  Layer.provide(RpcSerialization.layerJson)
)

const program = Effect.gen(function* () {
  yield* Layer.build(server)
  const client = yield* RpcClient.make(Greetings).pipe(Effect.provide(yield* Layer.build(protocol)))
  yield* Effect.log(yield* client.Greet({ name: "Kharbranth" }))
})

await Effect.runPromise(Effect.scoped(program))
