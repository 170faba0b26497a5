/**
 * Proves that Effect's own DevTools show our connections: a DevTools server on a
 * real socket is sent each dial as a span when it starts and when it ends, a
 * session while it lasts, where sessions are asked for, and our instruments when
 * it asks for metrics; and none of it has a secret.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { assert, describe, it } from "@effect/vitest"
import * as DevTools from "effect/devtools/DevTools"
import type * as DevToolsSchema from "effect/devtools/DevToolsSchema"
import * as DevToolsServer from "effect/devtools/DevToolsServer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as SocketServer from "effect/socket/SocketServer"
import * as Connection from "kharbranth/Connection"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Telemetry from "../src/Telemetry.ts"

type Heard = DevToolsSchema.Request.WithoutPing

const url = "wss://planted-user:planted-password@feed.example/path?token=planted"

/** A DevTools server on loopback, what it has heard, and how it asks for metrics. */
const devtools = Effect.gen(function* () {
  const server = yield* NodeSocketServer.makeWebSocket({ host: "127.0.0.1", port: 0 })
  const heard: Array<Heard> = []
  const client = yield* Deferred.make<DevToolsServer.Client>()
  yield* DevToolsServer.run((one) =>
    Effect.andThen(
      Deferred.succeed(client, one),
      Effect.forever(Effect.map(Queue.take(one.queue), (request) => heard.push(request)))
    )
  ).pipe(Effect.provideService(SocketServer.SocketServer, server), Effect.forkScoped)
  const port = "port" in server.address ? server.address.port : 0
  const ask = Effect.flatMap(Deferred.await(client), ({ send }) => send({ _tag: "MetricsRequest" }))
  return { heard, ask, url: `ws://127.0.0.1:${port}` }
})

/** Looks again until it is there; the test's own timeout is the limit. */
const until = <A>(find: () => A | undefined): Effect.Effect<A> =>
  Effect.suspend(() => {
    const found = find()
    if (found !== undefined) return Effect.succeed(found)
    return Effect.andThen(Effect.sleep("5 millis"), until(find))
  })

const plain = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    one instanceof Map ? [...one] : typeof one === "bigint" ? String(one) : one
  )

describe("Effect's DevTools", () => {
  it.live("show dials, sessions and instruments", () =>
    Effect.gen(function* () {
      const { ask, heard, url: address } = yield* devtools
      const network = yield* TestNetwork.make()
      yield* network.serve(url, TestNetwork.echo)
      const spans = (name: string, status: "Started" | "Ended") =>
        heard.filter((one) => one._tag === "Span" && one.name === name && one.status._tag === status)

      const Live = Telemetry.layer({ sessionSpan: true }).pipe(
        Layer.provideMerge(DevTools.layerWebSocket(address).pipe(Layer.provide(NodeSocket.layerWebSocketConstructor)))
      )
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("feed", { target: url, tags: ["prices"] })
        yield* connection.restart()
        yield* until(() => spans("kharbranth.dial", "Ended")[1])
        assert.lengthOf(spans("kharbranth.dial", "Started"), 2)
        assert.deepStrictEqual(
          spans("kharbranth.dial", "Ended").map((one) =>
            one._tag === "Span" ? one.attributes.get("kharbranth.epoch") : undefined
          ),
          [1, 2]
        )
        // Shown while it lasts: exporters send a span when it has ended.
        yield* until(() => spans("kharbranth.session", "Started")[1])

        yield* ask
        const snapshot = yield* until(() => heard.find((one) => one._tag === "MetricsSnapshot"))
        const metrics = snapshot._tag === "MetricsSnapshot" ? snapshot.metrics : []
        const connected = metrics.find(
          ({ attributes, id }) => id === "kharbranth.connections" && attributes?.["kharbranth.state"] === "connected"
        )
        assert.deepInclude(connected?.state, { value: 1 })
        assert.isAbove(metrics.filter(({ id }) => id.startsWith("kharbranth.")).length, 15)
      }).pipe(network.provide, Effect.scoped, Effect.provide(Live))
      assert.notMatch(plain(heard), /planted/)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()), Effect.scoped)
  )
})
