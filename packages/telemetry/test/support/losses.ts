/**
 * A program that loses what the demo does not: tracked messages that are cut off
 * before anything confirms them, messages that a slow reader never takes, probes
 * that nobody answers. Its server is on a real socket, its page is for Prometheus.
 * What the server and the options are given contains "planted", which must be
 * nowhere to be read.
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
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import { createServer } from "node:http"
import { type WebSocket, WebSocketServer } from "ws"
import * as Prometheus from "../../src/Prometheus.ts"

/** What becomes of a socket, by the path that it asked for. */
const behaviours: Readonly<Record<string, (socket: WebSocket) => void>> = {
  "/echo": (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  "/closes": (socket) => socket.on("message", () => socket.close(4000, "planted-reason")),
  // What is not read is not answered: pings neither.
  "/mute": (socket) => socket.pause(),
  "/floods": (socket) => {
    for (let n = 0; n < 2_000; n++) socket.send("planted-payload".repeat(100))
  }
}

/** The address of a path. */
type UrlOf = (path: string) => string

const server: Effect.Effect<UrlOf, never, Scope.Scope> = Effect.gen(function* () {
  const sockets = yield* Effect.acquireRelease(
    Effect.callback<WebSocketServer>((resume) => {
      const made: WebSocketServer = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () => {
        resume(Effect.succeed(made))
      })
    }),
    (made) =>
      Effect.sync(() => {
        for (const socket of made.clients) socket.terminate()
        made.close()
      })
  )
  sockets.on("connection", (socket, { url = "" }) => {
    socket.on("error", () => {})
    behaviours[url.replace(/\?.*$/, "")]?.(socket)
  })
  const address = sockets.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return (path) => `ws://planted-user:planted-password@127.0.0.1:${port}${path}?token=planted-token`
})

const open = (url: UrlOf, path: string) =>
  Connection.make(path.slice(1), {
    target: { url: url(path), headers: { authorization: "Bearer planted-header" } },
    codec: Codec.text,
    heartbeat: Heartbeat.ping({ every: "300 millis", timeout: "1 second" }),
    reconnect: Reconnect.prompt,
    tags: [path.slice(1)]
  })

/** Opens the connections, and sends what will be lost. */
const lose = (url: UrlOf) =>
  Effect.gen(function* () {
    yield* Connection.make("floods", {
      target: url("/floods"),
      codec: Codec.text,
      startup: "background",
      inbox: { overflow: "dropOldest", maxStall: "500 millis" }
    })
    yield* open(url, "/mute")
    for (const path of ["/echo", "/closes"]) {
      const connection = yield* open(url, path)
      yield* Effect.forkScoped(Effect.ignore(Stream.runDrain(connection.stream)))
      const send = Effect.ignore(Connection.track(connection, "planted-message", { ttl: "200 millis" }))
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(send, Effect.sleep("300 millis"))))
    }
  })

const Page = Prometheus.layer({ maxGroups: 16 }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(NodeTransport.layer)
)

/** Runs while messages are lost; is given the host and port of the page. */
export const inLosses = <A, E>(use: (target: string) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function* () {
    const { address } = yield* HttpServer.HttpServer
    yield* lose(yield* server)
    return yield* use(`127.0.0.1:${address._tag === "UnixPathAddress" ? 0 : address.port}`)
  }).pipe(
    Effect.provide(Page),
    Effect.scoped,
    // It would log a line for each of its losses.
    Effect.provideService(References.MinimumLogLevel, "Fatal")
  )
