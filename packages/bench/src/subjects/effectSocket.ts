/**
 * Effect's own `Socket`, over the same `ws`: no supervision, no heartbeat.
 */
import * as NodeWS from "@effect/platform-node/NodeWS"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"

export const connect = (url: string) => Socket.makeWebSocket(url)

export const run = <A, E>(program: Effect.Effect<A, E, Scope.Scope | Socket.WebSocketConstructor>): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.provide(program, NodeWS.layerWebSocketConstructor)))
