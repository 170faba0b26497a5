/**
 * Connections and Effect's own sockets, both ways: any Effect `Socket` or
 * `WebSocketConstructor` as a `Transport`, and a connection as an Effect
 * `Socket`, so that `RpcClient` and whatever else speaks over sockets gets one
 * that heals.
 *
 * `effect/socket` is marked unstable: a minor release of Effect may change it,
 * and only this module with it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as EffectSocket from "effect/socket/Socket"
import type { Connection } from "../Connection.ts"
import type { DialError } from "../ConnectionError.ts"
import type * as Message from "../Message.ts"
import * as Transport from "../Transport.ts"
import * as connectionSocket from "./internal/connectionSocket.ts"
import * as socketLink from "./internal/socketLink.ts"
import * as webSocketPlug from "./internal/webSocketPlug.ts"

/**
 * What the sockets can do, which Effect's interface does not tell.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** They stop reading when nobody pulls, as those of `ws` do. Default: `false`. */
  readonly pause?: boolean | undefined
  /** They send the dial's headers with the upgrade, as those of `ws` do. Default: `false`. */
  readonly headers?: boolean | undefined
}

const capabilitiesOf = (options: Options | undefined): Transport.Capabilities => ({
  ping: false,
  pause: options?.pause === true && Transport.backpressure,
  headers: options?.headers === true && Transport.httpHeaders,
  bytes: false
})

/**
 * A transport on the sockets that `open` gives, one for each dial.
 *
 * What Effect's interface does not show is missing: there are no pings (give
 * the heartbeat a text or JSON probe), the chosen subprotocol is `""`, a refused
 * upgrade is a `DialFailed`, and bytes count as gone when `writeAll` has
 * succeeded. A link that is terminated closes the reader's scope; how soon the
 * socket is gone then is the socket's affair.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTransport = <R>(
  open: (dial: Transport.Dial) => Effect.Effect<EffectSocket.Socket, EffectSocket.SocketError | DialError, R>,
  options?: Options
): Layer.Layer<Transport.Transport, never, Exclude<R, Scope.Scope>> =>
  Layer.effect(
    Transport.Transport,
    Effect.map(Effect.context<Exclude<R, Scope.Scope>>(), (context) => ({
      name: "effect-socket",
      capabilities: capabilitiesOf(options),
      dial: socketLink.dial((dial) =>
        Effect.scope.pipe(
          Effect.flatMap((scope) => Scope.provide(open(dial), scope)),
          Effect.provideContext(context),
          Effect.map((socket) => ({ socket, protocol: () => "", buffered: () => 0, destroy: () => undefined }))
        )
      )
    }))
  )

/**
 * A transport on Effect's `WebSocketConstructor`. Beside what its interface
 * promises it uses what the platform's object has: the subprotocol, the bytes
 * that wait, and `terminate`.
 *
 * Prefer `@kharbranth/node` and `@kharbranth/browser` where they run: they have
 * pings, bytes and the reasons of failed dials, which this one lacks. It is for
 * platforms that have no package of their own, and for programs that provide a
 * constructor already.
 *
 * @example
 * ```ts
 * import * as Socket from "kharbranth/interop/Socket"
 * import * as Transport from "kharbranth/Transport"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as EffectSocket from "effect/socket/Socket"
 * import { strictEqual } from "node:assert"
 *
 * const layer = Socket.layerWebSocket().pipe(Layer.provide(EffectSocket.layerWebSocketConstructorGlobal))
 *
 * const { name } = Effect.runSync(Effect.provide(Transport.Transport, layer))
 * strictEqual(name, "effect-websocket")
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWebSocket = (
  options?: Options
): Layer.Layer<Transport.Transport, never, EffectSocket.WebSocketConstructor> =>
  Layer.effect(
    Transport.Transport,
    Effect.map(EffectSocket.WebSocketConstructor, (make) => ({
      name: "effect-websocket",
      capabilities: capabilitiesOf(options),
      dial: socketLink.dial(webSocketPlug.open(make))
    }))
  )

/**
 * A connection that carries frames: its codec takes text and bytes. The default
 * codec does, and `Codec.bytes` and `Codec.text` do not.
 *
 * @category models
 * @since 0.1.0
 */
export type FrameConnection = Pick<
  Connection<Message.Input, Message.Frame>,
  "name" | "entries" | "tap" | "send" | "state" | "awaitReady" | "restart" | "pause" | "resume"
>

/**
 * A connection as an Effect `Socket`.
 *
 * Acquiring the reader waits for a session that is Ready; its `pull` gives what
 * comes by that session, and then fails with the session's end: a
 * `SocketCloseError` with the close code, 1006 for a cut or a rotated session.
 * The next acquisition waits for the next session, so a consumer that retries
 * (`RpcClient` does) goes on over the new one. The connection does the dialing,
 * the backoff and the liveness; the consumer never dials.
 *
 * A write waits in the connection's outbox while there is no session, until it
 * is interrupted. Writing a `CloseEvent` ends the session with code 1000, and
 * the next acquisition dials again. A consumer that leaves a live session and
 * comes back gets a new one. When the connection gives up, acquiring fails with
 * a `SocketOpenError` whose cause is the `ConnectionError`.
 *
 * With `RpcClient`: a call that is in flight when its session ends fails with
 * an `RpcClientError`, since the server may or may not have run it; it is never
 * sent again. Calls between that and the next session fail in the same way.
 * Retry those that may run twice with `Effect.retry`; nothing else is needed.
 *
 * The socket is the connection's one reader while its reader is acquired.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as Socket from "kharbranth/interop/Socket"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { deepStrictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make({ seed: 1 })
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   const connection = yield* network.provide(Connection.make("echo", { target: "wss://echo.example/" }))
 *   const socket = yield* Socket.fromConnection(connection)
 *   const { pull } = yield* socket.reader
 *   const { write } = yield* socket.writer
 *   yield* write("hello")
 *   return yield* pull
 * })
 *
 * deepStrictEqual(await Effect.runPromise(Effect.scoped(program)), ["hello"])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromConnection = (connection: FrameConnection): Effect.Effect<EffectSocket.Socket, never, Scope.Scope> =>
  connectionSocket.make(connection)

/**
 * The `Socket` service on a connection: what `RpcClient.layerProtocolSocket`
 * needs.
 *
 * ```text
 * RpcClient.layerProtocolSocket().pipe(
 *   Layer.provide(Socket.layer(Connection.make("rpc", { target: "wss://api.example/rpc" }))),
 *   Layer.provide(NodeTransport.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R>(
  connection: Effect.Effect<FrameConnection, E, R>
): Layer.Layer<EffectSocket.Socket, E, Exclude<R, Scope.Scope>> =>
  Layer.effect(EffectSocket.Socket, Effect.flatMap(connection, fromConnection))
