/**
 * Proves that Effect's `RpcClient` runs over a connection that heals: a real
 * `RpcServer` on a loopback socket whose connections are killed in the middle.
 * What is in flight then fails with a typed error and is never sent again;
 * calls and streams after it work over the next session, and the client
 * notices nothing else.
 */
import { assert, describe, it } from "@effect/vitest"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Connection from "kharbranth/Connection"
import * as Socket from "kharbranth/interop/Socket"
import * as Reconnect from "kharbranth/Reconnect"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import * as SocketServer from "effect/socket/SocketServer"
import * as Http from "node:http"
import type { AddressInfo, Socket as TcpSocket } from "node:net"

class Calls extends RpcGroup.make(
  Rpc.make("Echo", { payload: { text: Schema.String }, success: Schema.String }),
  Rpc.make("Hang", { success: Schema.Void }),
  Rpc.make("Count", { payload: { upTo: Schema.Int }, success: Schema.Int, stream: true }),
  Rpc.make("Ticks", { success: Schema.Int, stream: true })
) {}

/** A server on a loopback socket; `kill` cuts every TCP connection it has. */
const serve = Effect.gen(function* () {
  const http = Http.createServer()
  const sockets = new Set<TcpSocket>()
  http.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
  })
  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      for (const socket of sockets) socket.destroy()
      http.close(() => resume(Effect.void))
    })
  )
  // The server waits for the port from the moment it is made.
  const [server] = yield* Effect.all(
    [NodeSocketServer.makeWebSocket({ server: http }), Effect.sync(() => void http.listen(0, "127.0.0.1"))],
    { concurrency: 2 }
  )
  const echoed: Array<string> = []
  const hangs = { count: 0, begun: yield* Deferred.make<void>() }
  const handlers = Calls.toLayer({
    Echo: ({ text }) =>
      Effect.sync(() => {
        echoed.push(text)
        return text
      }),
    Hang: () =>
      Effect.andThen(
        Effect.suspend(() => {
          hangs.count++
          return Deferred.succeed(hangs.begun, undefined)
        }),
        Effect.never
      ),
    Count: ({ upTo }) => Stream.range(1, upTo),
    Ticks: () => Stream.concat(Stream.range(1, 3), Stream.never)
  })
  yield* Layer.build(
    RpcServer.layer(Calls).pipe(
      Layer.provide(handlers),
      Layer.provide(RpcServer.layerProtocolSocketServer),
      Layer.provide(Layer.succeed(SocketServer.SocketServer, server)),
      Layer.provide(RpcSerialization.layerJson)
    )
  )
  const kill = Effect.sync(() => {
    for (const socket of sockets) socket.resetAndDestroy()
  })
  return { url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`, kill, echoed, hangs }
})

const connect = Effect.fnUntraced(function* (url: string) {
  const connection = yield* Connection.make("rpc", { target: url, reconnect }).pipe(
    Effect.provide(NodeTransport.layerWith({ proxy: false }))
  )
  const protocol = RpcClient.layerProtocolSocket({ retryPolicy: Schedule.spaced("10 millis") }).pipe(
    Layer.provide(Socket.layer(Effect.succeed(connection))),
    Layer.provide(RpcSerialization.layerJson)
  )
  const client = yield* Effect.provideContext(RpcClient.make(Calls), yield* Layer.build(protocol))
  return { client, connection }
})

const reconnect = Reconnect.make({ schedule: Schedule.spaced("20 millis") })

/** What a program does with a call that may run twice. */
const again = Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 500 })

/** A storm of losses is no news here. */
const quiet = Effect.provide(Logger.layer([]))

describe("RpcClient over a connection", () => {
  it.live("goes on after its server's connection is killed; what was in flight fails and is not sent again", () =>
    Effect.gen(function* () {
      const { hangs, kill, url } = yield* serve
      const { client, connection } = yield* connect(url)
      assert.strictEqual(yield* client.Echo({ text: "before" }), "before")
      assert.deepStrictEqual(
        yield* Stream.runCollect(client.Count({ upTo: 500 })),
        Array.from({ length: 500 }, (_, index) => index + 1)
      )

      const call = yield* Effect.forkScoped(client.Hang())
      yield* Deferred.await(hangs.begun)
      const three = yield* Deferred.make<void>()
      const stream = yield* client.Ticks().pipe(
        Stream.tap((tick) => (tick === 3 ? Deferred.succeed(three, undefined) : Effect.void)),
        Stream.runDrain,
        Effect.forkScoped
      )
      yield* Deferred.await(three)
      yield* kill

      for (const fiber of [call, stream]) {
        const error = yield* Effect.flip(Fiber.join<void, unknown>(fiber))
        assert.propertyVal(error, "_tag", "RpcClientError")
      }
      assert.strictEqual(yield* again(client.Echo({ text: "after" })), "after")
      assert.deepStrictEqual(yield* Stream.runCollect(client.Count({ upTo: 3 })), [1, 2, 3])
      assert.strictEqual(hangs.count, 1)
      const { dials, reconnects } = yield* Connection.metrics(connection)
      assert.deepStrictEqual([dials, reconnects], [2, 1])
    }).pipe(quiet)
  )

  it.live("never runs a call twice, however often the server's connection is killed", () =>
    Effect.gen(function* () {
      const { echoed, kill, url } = yield* serve
      const { client, connection } = yield* connect(url)
      let failed = 0
      for (let round = 0; round < 8; round++) {
        yield* again(client.Echo({ text: `healed ${round}` }))
        const calls = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, index) => `${round}-${index}`),
          (text) => Effect.forkScoped(client.Echo({ text }))
        )
        yield* kill
        const exits = yield* Effect.forEach(calls, Fiber.await)
        for (const exit of exits) {
          if (Exit.isSuccess(exit)) continue
          failed++
          assert.propertyVal(yield* Effect.flip(exit), "_tag", "RpcClientError")
        }
      }
      const once = echoed.filter((text) => !text.startsWith("healed"))
      assert.strictEqual(new Set(once).size, once.length)
      assert.isAbove(failed, 0)
      assert.isAtLeast((yield* Connection.metrics(connection)).reconnects, 7)
    }).pipe(quiet)
  )

  it.live("tells its calls when the connection has given up", () =>
    Effect.gen(function* () {
      const { url } = yield* serve
      const { client, connection } = yield* connect(url)
      assert.strictEqual(yield* client.Echo({ text: "one" }), "one")
      yield* connection.close
      const error = yield* Effect.flip(client.Echo({ text: "two" }))
      assert.strictEqual(error._tag, "RpcClientError")
    }).pipe(quiet)
  )
})
