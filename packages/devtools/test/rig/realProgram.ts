/** A real program with the dashboard: connections over real sockets to a server that answers everything. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Codec from "kharbranth/Codec"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"
import * as Devtools from "../../src/Devtools.ts"

export interface Echo {
  readonly url: string
  /** How many sockets are open. */
  readonly sockets: () => number
  readonly stop: () => Promise<void>
}

export const startEcho = async (): Promise<Echo> => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 })
  server.on("connection", (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })))
  await once(server, "listening")
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sockets: () => server.clients.size,
    stop: async () => {
      for (const client of server.clients) client.terminate()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

export interface RealProgram {
  /** With the token of this run. */
  readonly url: string
  readonly stop: () => Promise<void>
}

export const startRealProgram = async (
  names: ReadonlyArray<string>,
  target: string,
  options: Devtools.Options = {}
): Promise<RealProgram> => {
  const scope = Scope.makeUnsafe()
  const program = Effect.gen(function* () {
    const { url } = yield* Devtools.Devtools
    const manager = yield* ConnectionManager.make()
    const connect = (name: string) =>
      manager.connect(name, {
        target,
        codec: Codec.text,
        tags: ["echo"],
        // Longer than the round trip of a socket that the dashboard has made slow.
        heartbeat: Heartbeat.ping({ every: "1 second", timeout: "5 seconds" }),
        reconnect: Reconnect.prompt
      })
    yield* Effect.forEach(names, connect, { concurrency: "unbounded" })
    return url
  })
  const parts = Devtools.faulty(NodeTransport.layer).pipe(Layer.provideMerge(Devtools.layer(options)))
  const url = await Layer.build(parts).pipe(
    Effect.flatMap((context) => Effect.provide(program, context)),
    Scope.provide(scope),
    Effect.runPromise
  )
  return { url, stop: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

export const token = Redacted.make("a-token-of-at-least-22-characters")
