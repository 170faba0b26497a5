/**
 * A program with trouble: a server on a real socket that cuts, closes, falls
 * silent and refuses, and connections of every kind to it, below a page for
 * Prometheus. What the server and the options are given contains "planted",
 * which must be nowhere to be read.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Subscriptions from "kharbranth/Subscriptions"
import { createServer } from "node:http"
import { type WebSocket, WebSocketServer } from "ws"
import * as Prometheus from "../../src/Prometheus.ts"
import * as Telemetry from "../../src/Telemetry.ts"

/** What becomes of a socket, by the path that it asked for. */
const behaviours: Readonly<Record<string, (socket: WebSocket) => void>> = {
  echo: (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  topics: (socket) =>
    socket.on("message", (data: Buffer) => {
      const { id } = JSON.parse(data.toString()) as { readonly id: number }
      socket.send(JSON.stringify({ ack: id }))
    }),
  closes: (socket) => void setTimeout(() => socket.close(4000, "planted-reason"), 500),
  cuts: (socket) => {
    socket.on("message", () => socket.terminate())
  },
  flood: (socket) => {
    for (let n = 0; n < 2_000; n++) socket.send("planted-payload".repeat(100))
  }
}

interface Server {
  readonly url: (path: string) => string
}

/** Loses the messages it is sent; the path `mute` answers no ping. */
const server: Effect.Effect<Server, never, Scope.Scope> = Effect.gen(function* () {
  const http = createServer()
  const answering = new WebSocketServer({ noServer: true })
  const mute = new WebSocketServer({ noServer: true, autoPong: false })
  http.on("upgrade", (request, socket, head) => {
    const { pathname } = new URL(request.url ?? "", "http://127.0.0.1")
    const path = pathname.slice(1)
    if (path === "refuses") return void socket.end("HTTP/1.1 503 Planted\r\ncontent-length: 7\r\n\r\nplanted")
    const sockets = path === "mute" ? mute : answering
    sockets.handleUpgrade(request, socket, head, (opened) => {
      opened.on("error", () => {})
      behaviours[path]?.(opened)
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void http.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        for (const socket of [...answering.clients, ...mute.clients]) socket.terminate()
        http.closeAllConnections()
        http.close()
      })
  )
  const address = http.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { url: (path) => `ws://planted-user:planted-password@127.0.0.1:${port}/${path}?token=planted-token` }
})

const headers = { authorization: "Bearer planted-header" }

/** Opens every kind of connection, and lets them suffer. */
const suffer = ({ url }: Server) =>
  Effect.gen(function* () {
    const manager = yield* ConnectionManager.ConnectionManager
    const { watchSubscriptions } = yield* Telemetry.Telemetry
    const open = <C extends Codec.Any = typeof Codec.frames>(
      name: string,
      path: string,
      options: Partial<ConnectionManager.ConnectOptions<C, string, never>> = {}
    ) =>
      manager.connect(name, {
        target: { url: url(path), headers },
        heartbeat: Heartbeat.ping({ every: "300 millis", timeout: "300 millis" }),
        reconnect: Reconnect.prompt,
        startup: "background",
        tags: [path],
        ...(options as object)
      })

    // Breakers count by the server, so what is refused counts elsewhere.
    for (const n of [1, 2, 3]) yield* open(`refused ${n}`, "refuses", { egress: "wss://refuses.example" })
    yield* open("mute", "mute")
    yield* open("closes", "closes")
    const flooded = yield* open("flooded", "flood", {
      inbox: { overflow: "dropOldest", maxStall: "500 millis" } as never
    })
    yield* Effect.forkScoped(Effect.ignore(Effect.andThen(flooded.awaitReady, Effect.never)))

    const echo = yield* Connection.make("echo", {
      target: { url: url("echo"), headers },
      codec: Codec.text,
      heartbeat: Heartbeat.ping({ every: "300 millis", timeout: "2 seconds" }),
      tags: ["echo"]
    })
    yield* Effect.forkScoped(Stream.runDrain(echo.stream))
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Connection.track(echo, "planted-message"), Effect.sleep("100 millis")))
    )
    const cuts = yield* Connection.make("cuts", {
      target: { url: url("cuts"), headers },
      codec: Codec.text,
      reconnect: Reconnect.prompt,
      tags: ["cuts"]
    })
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.ignore(Connection.track(cuts, "planted", { ttl: "200 millis" })),
          Effect.sleep("300 millis")
        )
      )
    )

    const topics = yield* Connection.make("topics", {
      target: { url: url("topics"), headers },
      codec: Codec.jsonAs<{ readonly ack?: number }, unknown>(),
      tags: ["topics"]
    })
    const subscriptions = yield* Subscriptions.make(topics, {
      subscribe: (names: ReadonlyArray<string>, id) => ({ op: "subscribe", names, id }),
      match: (message) => Subscriptions.ack(message.ack)
    })
    yield* watchSubscriptions(subscriptions, "topics")
    yield* subscriptions.subscribe("planted-topic")
  })

const Page = Prometheus.layer({ maxGroups: 16 }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
)

const Everything = Telemetry.layerManager.pipe(
  Layer.provideMerge(ConnectionManager.layer({ budget: { policy: { breaker: { failures: 3 } } } })),
  Layer.provideMerge(Page),
  Layer.provideMerge(NodeTransport.layer)
)

/** Runs while the storm blows; is given the address of the page. */
export const inStorm = <A, E>(use: (target: string) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function* () {
    const { address } = yield* HttpServer.HttpServer
    yield* suffer(yield* server)
    return yield* use(`127.0.0.1:${address._tag === "UnixPathAddress" ? 0 : address.port}`)
  }).pipe(
    Effect.provide(Everything),
    Effect.scoped,
    // It would log a line for each of its troubles.
    Effect.provideService(References.MinimumLogLevel, "Fatal")
  )
