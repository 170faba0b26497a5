/**
 * A hub of ASP.NET Core SignalR, as Effects: calls, streams in both directions,
 * and handlers of what the server calls. It survives reconnects: each new
 * session negotiates again with a fresh token, handlers stay, `onReady` runs
 * before calls that wait, and each call settles once, by its policy.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { LessScope } from "kharbranth/Connection"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import type { ConnectionMetrics } from "kharbranth/ConnectionMetrics"
import type { ConnectionState } from "kharbranth/ConnectionState"
import type { Reconnect } from "kharbranth/Reconnect"
import type { Transport } from "kharbranth/Transport"
import type { Watch } from "kharbranth/Watch"
import type * as Hub from "./Hub.ts"
import type { HubCredentials } from "./HubCredentials.ts"
import type { CallError, HubConnectionError, StreamError } from "./HubError.ts"
import type { HubProtocol } from "./HubProtocol.ts"
import * as internal from "./internal/connection/make.ts"
import type { TransportName } from "./TransportChoice.ts"

/**
 * What becomes of a call that meets an outage. A completed call is never sent
 * again, and every call settles once.
 *
 * - `fail`: it fails at once.
 * - `queue`: made while down, it waits for the next session; lost on the way, it fails.
 * - `replay`: like `queue`, and lost on the way it is sent again, a bounded
 *   number of times. Only for methods declared idempotent: they may run twice.
 *
 * @category models
 * @since 0.1.0
 */
export type Pending = "fail" | "queue" | "replay"

/**
 * How one call behaves when the connection is down or lost.
 *
 * @category options
 * @since 0.1.0
 */
export interface CallOptions {
  /** Default: the connection's. */
  readonly pending?: Pending | undefined
  /** Whether the method may run twice. Default: what the contract says; without one, `false`. */
  readonly idempotent?: boolean | undefined
}

/**
 * How one stream of the server behaves when the connection is down or lost.
 *
 * @category options
 * @since 0.1.0
 */
export interface StreamOptions<A, Args> {
  /** Default: the connection's; a stream is never replayed by itself. */
  readonly pending?: "fail" | "queue" | undefined
  /** The arguments with which a lost stream goes on, or `undefined` to let it fail. Default: it fails. */
  readonly resume?: ((received: number, last: A | undefined, cause: HubConnectionError) => Args | undefined) | undefined
}

/**
 * What follows the name in a call: arguments, which may be left out where there
 * are none, and options.
 *
 * @category type-level
 * @since 0.1.0
 */
export type Rest<Args, O> = Args extends readonly [] ? [args?: readonly [], options?: O] : [args: Args, options?: O]

/**
 * Calls that a contract describes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Caller<H extends Hub.Any> {
  /** Calls a method and waits for its result. */
  readonly invoke: <N extends Hub.MethodName<H>>(
    method: N,
    ...rest: Rest<Hub.MethodArguments<H, N>, CallOptions>
  ) => Effect.Effect<Hub.MethodResult<H, N>, CallError>
  /** Calls a method without an answer; completes when the transport took it. */
  readonly send: <N extends Hub.MethodName<H>>(
    method: N,
    ...rest: Rest<Hub.MethodArguments<H, N>, CallOptions>
  ) => Effect.Effect<void, CallError>
  /** A stream of the server, called when it is run; ending it early cancels it. */
  readonly stream: <N extends Hub.StreamName<H>>(
    method: N,
    ...rest: Rest<Hub.StreamArguments<H, N>, StreamOptions<Hub.StreamElement<H, N>, Hub.StreamArguments<H, N>>>
  ) => Stream.Stream<Hub.StreamElement<H, N>, StreamError>
}

/**
 * Calls by any name, with any arguments; one that is a `Stream` is uploaded.
 *
 * @category models
 * @since 0.1.0
 */
export interface UntypedCaller {
  readonly invoke: (
    method: string,
    args?: ReadonlyArray<unknown>,
    options?: CallOptions
  ) => Effect.Effect<unknown, CallError>
  readonly send: (
    method: string,
    args?: ReadonlyArray<unknown>,
    options?: CallOptions
  ) => Effect.Effect<void, CallError>
  readonly stream: (
    method: string,
    args?: ReadonlyArray<unknown>,
    options?: StreamOptions<unknown, ReadonlyArray<unknown>>
  ) => Stream.Stream<unknown, StreamError>
}

/**
 * A new session before anybody else may use it, as `onReady` sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubSession<H extends Hub.Any = Hub.Hub<{}, {}, {}>> extends Caller<H> {
  readonly connectionId: string | undefined
  readonly untyped: UntypedCaller
}

/**
 * What is called by any name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Untyped extends UntypedCaller {
  readonly on: <R = never>(
    event: string,
    handler: (args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown, R>
  ) => Effect.Effect<void, never, Scope.Scope | R>
}

/**
 * What the core says of a connection, with the hub's errors in it.
 *
 * @category type-level
 * @since 0.1.0
 */
export type Seen<A> = A extends unknown
  ? { readonly [K in keyof A]: [ConnectionError] extends [A[K]] ? HubConnectionError : A[K] }
  : never

/**
 * Where a hub connection is: the core's states, whose `cause` and `error` are
 * what `awaitReady` and calls fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type HubConnectionState = Seen<ConnectionState>

/**
 * What happens to a hub connection: the core's events, with the hub's errors.
 *
 * @category models
 * @since 0.1.0
 */
export type HubConnectionEvent = Seen<ConnectionEvent>

/**
 * A connection to a hub.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubConnection<H extends Hub.Any = Hub.Hub<{}, {}, {}>> extends Caller<H> {
  readonly name: string
  /**
   * Handles what the server calls, until the scope ends. The handler takes the
   * arguments as one tuple, as the contract lists them. Several handlers may
   * stand under one name; where the server waits for an answer, exactly one of
   * them gives it.
   *
   * @example
   * ```ts
   * import * as Hub from "@kharbranth/signalr/Hub"
   * import type * as HubConnection from "@kharbranth/signalr/HubConnection"
   * import * as Effect from "effect/Effect"
   * import * as Schema from "effect/Schema"
   *
   * const Chat = Hub.make({ events: { Said: Hub.event({ args: [Schema.String, Schema.String] }) } })
   *
   * export const listen = (hub: HubConnection.HubConnection<typeof Chat>) =>
   *   hub.on("Said", ([user, text]) => Effect.log(`${user}: ${text}`))
   * ```
   */
  readonly on: <N extends Hub.EventName<H>, R = never>(
    event: N,
    handler: (args: Hub.EventArguments<H, N>) => Effect.Effect<Hub.EventResult<H, N> | void, unknown, R>
  ) => Effect.Effect<void, never, Scope.Scope | R>
  /** Calls and handlers by any name, past the contract. */
  readonly untyped: Untyped
  /** What the server calls this session; `undefined` while there is none. */
  readonly connectionId: Effect.Effect<string | undefined>
  readonly state: Watch<HubConnectionState>
  readonly events: Stream.Stream<HubConnectionEvent>
  readonly metrics: Effect.Effect<ConnectionMetrics>
  /** Waits until calls can be made. */
  readonly awaitReady: Effect.Effect<void, HubConnectionError>
  /**
   * Changes where the hub is and how the connection is kept alive. A change takes
   * effect with the next dial; follow it with `reconnect` to make it effective at
   * once. A session that stateful reconnect resumes goes on as it began.
   */
  readonly update: <R = never>(
    change: (policies: Policies) => Policies<unknown, R>
  ) => Effect.Effect<void, HubConnectionError, R>
  /** Drops the session and negotiates a new one; completes when it is ready. */
  readonly reconnect: Effect.Effect<void, HubConnectionError>
  /** Says goodbye and stays away until `start`. */
  readonly stop: Effect.Effect<void>
  /** Comes back after `stop`, or after having given up; nothing to do otherwise. */
  readonly start: Effect.Effect<void, HubConnectionError>
  /** Says goodbye for good. The scope does the same. */
  readonly close: Effect.Effect<void>
}

/**
 * What `update` may change of a hub connection.
 *
 * @category options
 * @since 0.1.0
 */
export interface Policies<E = unknown, R = never> {
  /** The hub's url: `http`, `https`, `ws` or `wss`. */
  readonly url: string
  /** Default: no headers, no token. */
  readonly credentials?: HubCredentials<E, R> | undefined
  /** Default: `Reconnect.polite`. */
  readonly reconnect?: Reconnect | undefined
  /** Time between our pings. Default: 15 seconds. */
  readonly keepAlive?: Duration.Input | undefined
  /** How long the server may be silent, on every transport. Default: 30 seconds. */
  readonly serverTimeout?: Duration.Input | undefined
  /** How long the handshake may take. Default: 15 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
  /** How long negotiating may take. Default: 100 seconds, within `dialTimeout`. */
  readonly negotiateTimeout?: Duration.Input | undefined
  /** How long one transport may take while there is another to try. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long a whole dial may take: token, negotiation, every transport. Default: 30 seconds. */
  readonly dialTimeout?: Duration.Input | undefined
}

/**
 * What runs as a hub is lost, comes back and is gone: one at a time, in order.
 * They are for those who think in events; `state.changes` says the same and more.
 * One that fails is logged, and changes nothing.
 *
 * @category options
 * @since 0.1.0
 */
export interface Callbacks<R = never> {
  /** A session is lost, and the next one is dialed. The cause is `undefined` where `reconnect` asked for it. */
  readonly onReconnecting?: ((cause: HubConnectionError | undefined) => Effect.Effect<unknown, unknown, R>) | undefined
  /** The next session is ready; the server knows it by another id. `onReady` has run before. */
  readonly onReconnected?: ((connectionId: string | undefined) => Effect.Effect<unknown, unknown, R>) | undefined
  /** It gave up, or was stopped or closed, which is no error. What still runs when the scope ends is interrupted. */
  readonly onClosed?: ((error: HubConnectionError | undefined) => Effect.Effect<unknown, unknown, R>) | undefined
}

/**
 * Where the hub is, what is known of it, and how the connection to it is kept
 * alive. Only `url` is required.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<H extends Hub.Any, E = never, R = never, RO = never> extends Policies<E, R>, Callbacks<RO> {
  /** What the hub offers. Default: nothing is known of it; see `untyped`. */
  readonly contract?: H | undefined
  /** Default: JSON. */
  readonly protocol?: HubProtocol | undefined
  /** Transports that may be used. Default: any that the server offers, in its order. */
  readonly transports?: ReadonlyArray<TransportName> | undefined
  /** Connects without negotiating; only with `transports: ["WebSockets"]`. Default: `false`. */
  readonly skipNegotiation?: boolean | undefined
  /**
   * Asks for stateful reconnect, with this many bytes kept (100,000). A resume is
   * an attempt of the `reconnect` policy: with `Reconnect.none` there is none.
   * Default: `false`.
   */
  readonly statefulReconnect?: boolean | { readonly bufferSize?: number | undefined } | undefined
  /** The largest inbound message in bytes. Default: 16 MiB. */
  readonly maxMessageSize?: number | undefined
  /** What becomes of calls that meet an outage. Default: `"fail"`. */
  readonly pending?: Pending | undefined
  /** How long a call waits for a session. Default: 30 seconds. */
  readonly queueTimeout?: Duration.Input | undefined
  /** How many calls may wait for a session. Default: 10,000. */
  readonly maxQueued?: number | undefined
  /** How many times one call may be sent again. Default: 1. */
  readonly maxReplays?: number | undefined
  /** How many items of one stream may wait for its reader before the socket is held back. Default: 256. */
  readonly streamBuffer?: number | undefined
  /** How long the socket may be held back by a reader that takes nothing, or by handlers that do not end. Default: 10 seconds. */
  readonly maxStall?: Duration.Input | undefined
  /**
   * How many handlers run at a time; calls of the server beyond them wait in
   * order, and hold the socket back when there are very many. Default: 256.
   */
  readonly handlerConcurrency?: number | undefined
  /** Runs on every new session before calls that wait: joining groups, say. Default: nothing. */
  readonly onReady?: ((session: HubSession<H>) => Effect.Effect<unknown, unknown, RO>) | undefined
  /** How long `onReady` and the handshake may take together. Default: 30 seconds. */
  readonly openTimeout?: Duration.Input | undefined
  /** Whether `make` and the layer wait for the hub. Default: `"await"`. */
  readonly startup?: "await" | "background" | undefined
  /** How long `startup: "await"` waits. Default: 60 seconds. */
  readonly startupTimeout?: Duration.Input | undefined
}

/**
 * What a hub connection needs from its environment.
 *
 * @category models
 * @since 0.1.0
 */
export type Requirements<R, RO> = Transport | HttpClient.HttpClient | NoInfer<R> | LessScope<RO>

/**
 * Makes a connection that lives as long as its Scope.
 *
 * @example
 * ```ts
 * import * as NodeTransport from "@kharbranth/node/NodeTransport"
 * import * as Hub from "@kharbranth/signalr/Hub"
 * import * as HubConnection from "@kharbranth/signalr/HubConnection"
 * import { HubServer } from "@kharbranth/signalr/testing"
 * import * as Effect from "effect/Effect"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Schema from "effect/Schema"
 * import { strictEqual } from "node:assert"
 *
 * const Calculator = Hub.make({
 *   methods: { Add: Hub.method({ args: [Schema.Int, Schema.Int], result: Schema.Int }) }
 * })
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* HubServer.make({
 *     methods: { Add: ({ args }) => Effect.succeed(Number(args[0]) + Number(args[1])) }
 *   })
 *   const hub = yield* HubConnection.make("calculator", { url: server.url, contract: Calculator })
 *   return yield* hub.invoke("Add", [2, 3])
 * }).pipe(Effect.provide([NodeTransport.layer, FetchHttpClient.layer]))
 *
 * strictEqual(await Effect.runPromise(Effect.scoped(program)), 5)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <H extends Hub.Any = Hub.Hub<{}, {}, {}>, E = never, R = never, RO = never>(
  name: string,
  options: Options<H, E, R, RO>
): Effect.Effect<HubConnection<H>, HubConnectionError, Requirements<R, RO> | Scope.Scope> =>
  internal.make(name, options)

/**
 * A service class whose layer makes the hub connection.
 *
 * @category services
 * @since 0.1.0
 */
export interface ServiceClass<Self, Id extends string, H extends Hub.Any, R, RO> extends Context.ServiceClass<
  Self,
  Id,
  HubConnection<H>
> {
  readonly layer: Layer.Layer<Self, HubConnectionError, Requirements<R, RO>>
}

/**
 * A hub connection as a service, with its layer. The class cannot be named
 * inside its own options (TypeScript reports TS2506).
 *
 * @example
 * ```ts
 * import * as Hub from "@kharbranth/signalr/Hub"
 * import * as HubConnection from "@kharbranth/signalr/HubConnection"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Room = Hub.make({ methods: { Say: Hub.method({ args: [Schema.String] }) } })
 * class Chat extends HubConnection.Service<Chat>()("app/Chat", { url: "https://chat.example/hub", contract: Room }) {}
 *
 * export const greet = Effect.flatMap(Chat, (chat) => chat.invoke("Say", ["hello"])).pipe(Effect.provide(Chat.layer))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const Service =
  <Self>() =>
  <const Id extends string, H extends Hub.Any = Hub.Hub<{}, {}, {}>, E = never, R = never, RO = never>(
    id: Id,
    options: Options<H, E, R, RO>
  ): ServiceClass<Self, Id, H, R, RO> =>
    class extends Context.Service<Self, HubConnection<H>>()(id) {
      static readonly layer: Layer.Layer<Self, HubConnectionError, Requirements<R, RO>> = Layer.effect(
        this,
        make(id, options)
      )
    }
