/**
 * A connection: a promise that outlives sockets. A name, some policies, a
 * stream in and a sink out; sockets come and go underneath it.
 *
 * `make` gives one in a Scope, `Service` makes it a service with a layer.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import type * as Codec from "./Codec.ts"
import type { ConnectionError, InvalidOptions, SendError } from "./ConnectionError.ts"
import type { ConnectionEvent } from "./ConnectionEvent.ts"
import type { ConnectionMetrics } from "./ConnectionMetrics.ts"
import type { ConnectionState } from "./ConnectionState.ts"
import type { Delivery } from "./Delivery.ts"
import type { Heartbeat } from "./Heartbeat.ts"
import type * as Inbox from "./Inbox.ts"
import * as fanOut from "./internal/connection/use/broadcast.ts"
import * as control from "./internal/connection/use/control.ts"
import { Handle, isSelf } from "./internal/connection/use/handle.ts"
import * as internalWindow from "./internal/connection/run/window.ts"
import * as internal from "./internal/connection/use/make.ts"
import * as figures from "./internal/connection/use/metrics.ts"
import * as tracking from "./internal/connection/use/track.ts"
import * as Items from "./internal/outbox/transfer.ts"
import type * as Message from "./Message.ts"
import type * as Outbox from "./Outbox.ts"
import type { RateLimit } from "./RateLimit.ts"
import type { Reconnect } from "./Reconnect.ts"
import type { Hooks, Permit, Session, Tap } from "./Session.ts"
import type * as Target from "./Target.ts"
import type { Transport } from "./Transport.ts"
import type { Watch } from "./Watch.ts"

/**
 * A logical link that survives any number of sockets.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection<out In = Message.Data, in Out = Message.Input> {
  readonly name: string
  /**
   * What arrives, across sessions: a reconnect does not end it. Ends when the
   * connection is closed, fails when it gives up. One reader at a time.
   */
  readonly stream: Stream.Stream<In, ConnectionError> & Stated
  /** The same with continuity in-band: where sessions began, and where messages may be missing. */
  readonly entries: Stream.Stream<Inbox.Entry<In>, ConnectionError> & Stated
  /** Takes exactly one message and leaves the rest. */
  readonly receive: Effect.Effect<In, ConnectionError>
  /** Lets a protocol claim messages before any reader sees them. */
  readonly tap: (tap: Tap<In, Out>) => Effect.Effect<void, never, Scope.Scope>
  /** Writes every message it is fed; arrays travel as arrays. */
  readonly sink: Sink.Sink<void, Out, never, SendError> & Stated
  /**
   * Completes when the message was handed to a live session's socket under the
   * write mark, or when a policy of yours dropped it (`whenDown: "drop"`, a
   * newer message of its `key`, an `overflow` that drops). That proves nothing
   * about its arrival: use `Connection.track` for that.
   */
  readonly send: (message: Out, options?: Outbox.SendOptions) => Effect.Effect<void, SendError>
  readonly state: Watch<ConnectionState>
  /** Waits until messages flow; fails when the connection gives up or is closed. */
  readonly awaitReady: Effect.Effect<void, ConnectionError>
  /** What happens, from the moment it is run; a slow observer loses the oldest. */
  readonly events: Stream.Stream<ConnectionEvent>
  /** Checks that the present session is alive: one probe with a short deadline. */
  readonly probe: (options?: ProbeOptions) => Effect.Effect<void>
  /** Replaces the session; completes when the new one is Ready. */
  readonly restart: (options?: RestartOptions) => Effect.Effect<void, ConnectionError>
  /** `restart` in the mode of the `rotate` option: by default, the successor is Ready before the session ends. */
  readonly rotate: (options?: RotateOptions) => Effect.Effect<void, ConnectionError>
  /** Closes the socket and dials no more until `resume`; sends follow `whenDown`. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** Ends the connection for good; takes at most the close deadline. */
  readonly close: Effect.Effect<void>
}

/**
 * What a connection's stream and sink also have, for a program that holds only
 * one of them: `sink.state.getUnsafe()`. A stream or sink that you make of one
 * has it no more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stated {
  /** The state of the connection. */
  readonly state: Watch<ConnectionState>
}

/**
 * Any connection: readable as unknown, not writable.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Connection<unknown, never>

/**
 * What `probe` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface ProbeOptions {
  /** For events and logs. Default: `"asked for"`. */
  readonly reason?: string | undefined
  /** How long the answer may take. Default: 2 seconds, or the heartbeat's timeout if that is shorter. */
  readonly deadline?: Duration.Input | undefined
}

/**
 * What `rotate` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface RotateOptions {
  /** For events and logs. Default: `"asked for"`. */
  readonly reason?: string | undefined
}

/**
 * What `restart` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface RestartOptions extends RotateOptions {
  /** Drop and dial, or dial and swap when the new session is Ready. Default: `"breakFirst"`. */
  readonly mode?: "breakFirst" | "makeFirst" | undefined
}

/**
 * What `broadcast` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface BroadcastOptions {
  /** How many messages may wait for each reader. Default: 1,024. */
  readonly capacity?: number | undefined
  /** What a slow reader causes: everybody waits, or it loses its oldest. Default: `"suspend"`. */
  readonly strategy?: "suspend" | "dropOldest" | undefined
}

/**
 * What `drain` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface DrainOptions {
  /** How long it waits for confirmations before it closes. Default: 30 seconds. */
  readonly deadline?: Duration.Input | undefined
}

/**
 * What `close` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface CloseOptions {
  /** 1000, or 3000 to 4999. Default: 1000. */
  readonly code?: number | undefined
  /** At most 123 bytes of UTF-8. Default: none. */
  readonly reason?: string | undefined
}

/**
 * What `ping` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface PingOptions {
  /** What the ping carries, at most 125 bytes; its pong must carry the same. Default: the heartbeat's probe is sent. */
  readonly payload?: Uint8Array | undefined
}

/**
 * When a rotation does no harm; `rotationWindow` makes one.
 *
 * @category models
 * @since 0.1.0
 */
export interface RotationWindow {
  /** Chooses a moment from now to the latest one, by chance in [0, 1). All are Unix milliseconds. */
  readonly choose: (now: number, latest: number, chance: number) => number
}

/**
 * A window for rotations, from a function that says whether a time (in Unix
 * milliseconds) is safe. It is asked minute by minute. A rotation that is planned for an age or an expiry is
 * pulled forward to a safe time before it: the last one, and a moment in it by
 * chance. It is never pulled forward by more than half, and where no time is safe
 * it stays where it was, so let there be several windows in a `maxAge`. A function
 * that throws says no.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import { strictEqual } from "node:assert"
 *
 * // The quiet hours of a market, twice a day, in UTC.
 * const window = Connection.rotationWindow((time) => Math.floor(time / 3_600_000) % 12 === 4)
 * const rotate: Connection.Rotate = { maxAge: "23 hours", window }
 *
 * const at = rotate.window?.choose(Date.UTC(2026, 0, 1, 10), Date.UTC(2026, 0, 2, 9), 0.5)
 * strictEqual(new Date(at ?? 0).getUTCHours(), 4)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const rotationWindow: (isSafe: (time: number) => boolean) => RotationWindow = internalWindow.make

/**
 * When a session that still works is replaced.
 *
 * @category options
 * @since 0.1.0
 */
export interface Rotate<in In = unknown> {
  /** Replace a session this old, less up to a tenth by chance. Default: never. */
  readonly maxAge?: Duration.Input | undefined
  /**
   * How long before `Target.expiresAt`, but not before half of the time that is left when the session is Ready.
   * Default: 30 seconds.
   */
  readonly before?: Duration.Input | undefined
  /**
   * When a rotation does no harm, see {@link rotationWindow}: one that is planned
   * for later is pulled forward into it. Default: any time.
   */
  readonly window?: RotationWindow | undefined
  /** Default: `"makeFirst"`; a server that forbids two logins needs `"breakFirst"`. */
  readonly mode?: "breakFirst" | "makeFirst" | undefined
  /**
   * How long the old session still delivers after the swap: so long, and until it has answered a ping, if the
   * heartbeat or the transport can ask one. No answer within 2 seconds shows as a `Gap`. Default: 250 milliseconds.
   */
  readonly overlap?: Duration.Input | undefined
  /**
   * What makes two messages the same, so that a rotation delivers it once: from when the successor is dialed
   * until the overlap has been over for this long. Default: possible duplicates are marked.
   */
  readonly dedupe?: ((message: In) => unknown) | undefined
  /** Whether a message announces that the server will close. Default: none does. */
  readonly notice?: ((message: In) => boolean) | undefined
}

/**
 * The policies that `update` may change: those of {@link Options} that are not
 * bound to the types of a connection, or to how it was made. A bound or a size
 * that is `undefined` is its default.
 *
 * @category options
 * @since 0.1.0
 */
export interface Policies {
  readonly target: Target.Input<unknown>
  readonly reconnect: Reconnect
  readonly heartbeat: Heartbeat
  readonly rateLimit: RateLimit | ReadonlyArray<RateLimit> | undefined
  /** Deadline of a whole dial. */
  readonly dialTimeout: Duration.Duration
  /** Deadline of `onOpen`. */
  readonly openTimeout: Duration.Duration
  /** Deadline of a closing handshake. */
  readonly closeTimeout: Duration.Duration
  /** At once, for messages that come from now on: those that wait keep their `ttl` and `whenDown`. */
  readonly outbox?: Omit<Outbox.Options<unknown, never>, "acks"> | undefined
  /** At once. */
  readonly inbox?: Inbox.Options<unknown> | undefined
  /** At once, but a session that began without hooks shows them no frames. */
  readonly hooks?: Hooks | undefined
  /** The largest inbound message in bytes. */
  readonly maxMessageSize?: number | undefined
  /** From the next dial on. */
  readonly compression?: boolean | undefined
  /** Unsent bytes at which `send` waits. */
  readonly writeMark?: number | undefined
  /** How much may arrive before Ready, in bytes. */
  readonly openBuffer?: number | undefined
}

/**
 * What `make` and `Service` take. Only the target is required.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<C extends Codec.Any, T, RO, RH = never> {
  /** Where to dial: a url, or effects that give url, subprotocols and headers for every dial. */
  readonly target: T
  /** How frames become messages and back. Default: `Codec.frames`. */
  readonly codec?: C | undefined
  /** Runs on every session before it is Ready: auth, handshake, subscriptions. Default: nothing. */
  readonly onOpen?:
    | ((session: Session<Codec.In<NoInfer<C>>, Codec.Out<NoInfer<C>>>) => Effect.Effect<unknown, unknown, RO>)
    | undefined
  /**
   * A target may name another for its session. Default: `Heartbeat.ping()` where
   * the transport can ping (or what it names instead), else `Heartbeat.none`.
   */
  readonly heartbeat?: Heartbeat | undefined
  /** Default: `Reconnect.polite`. */
  readonly reconnect?: Reconnect | undefined
  readonly outbox?: Outbox.Options<Codec.In<NoInfer<C>>, Codec.Out<NoInfer<C>>> | undefined
  readonly inbox?: Inbox.Options<Codec.In<NoInfer<C>>> | undefined
  /** Default: none. */
  readonly rateLimit?: RateLimit | ReadonlyArray<RateLimit> | undefined
  /** Default: never, unless the target expires. */
  readonly rotate?: Rotate<Codec.In<NoInfer<C>>> | undefined
  readonly hooks?: Hooks<RH, Codec.In<NoInfer<C>>> | undefined
  /** Deadline of a whole dial: target, DNS, proxy, TLS, upgrade. Default: 10 seconds. */
  readonly dialTimeout?: Duration.Input | undefined
  /** Deadline of `onOpen`. Default: 10 seconds. */
  readonly openTimeout?: Duration.Input | undefined
  /** How much may arrive before Ready, in bytes. Default: 16 MiB. */
  readonly openBuffer?: number | undefined
  /** Deadline of a closing handshake. Default: 5 seconds. */
  readonly closeTimeout?: Duration.Input | undefined
  /** The largest inbound message in bytes. Default: 1 MiB. */
  readonly maxMessageSize?: number | undefined
  /**
   * Whether to offer the server compression, where the transport leaves the choice: `InvalidOptions` in a browser,
   * which decides itself. Default: as the transport's own options say.
   */
  readonly compression?: boolean | undefined
  /** Unsent bytes at which `send` waits. Default: 256 KiB. */
  readonly writeMark?: number | undefined
  /** Whether `make` and the layer wait for Ready, go on while the first dial runs, or dial on first use. Default: `"await"`. */
  readonly startup?: "await" | "background" | "lazy" | undefined
  /** How long `startup: "await"` waits. Default: 60 seconds. */
  readonly startupTimeout?: Duration.Input | undefined
  /** Groups it belongs to: a manager can address many at once by them, and telemetry counts by the first. Default: none. */
  readonly tags?: ReadonlyArray<string> | undefined
  /** Asked before every dial, outside its deadline: the manager's dial budget. Default: none. */
  readonly permit?: ((dial: Permit) => Effect.Effect<void, ConnectionError, Scope.Scope>) | undefined
}

/**
 * What a connection with these options needs from its environment.
 *
 * @category models
 * @since 0.1.0
 */
export type Requirements<T, RO, RH> = Transport | Target.Context<NoInfer<T>> | LessScope<RO> | NoInfer<RH>

/**
 * Requirements without the Scope that a session provides, as a result type.
 *
 * @category models
 * @since 0.1.0
 */
// `Effect.all` must infer nothing into R, or it becomes `any` and every requirement is lost. `NoInfer` would hide a
// union from `Exclude`, which then excludes nothing; a type of the conditional's own does neither.
export type LessScope<R> = [R] extends [infer Needs] ? Exclude<Needs, Scope.Scope> : never

/**
 * Makes a connection that lives as long as its Scope.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as Connection from "kharbranth/Connection"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make({ seed: 1 })
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   return yield* Effect.gen(function*() {
 *     const connection = yield* Connection.make("echo", { target: "wss://echo.example/", codec: Codec.text })
 *     yield* connection.send("hello")
 *     return yield* connection.receive
 *   }).pipe(network.provide)
 * })
 *
 * strictEqual(await Effect.runPromise(Effect.scoped(program)), "hello")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const T extends Target.Input<unknown, unknown>,
  C extends Codec.Any = typeof Codec.frames,
  RO = never,
  RH = never
>(
  name: string,
  options: Options<C, T, RO, RH>
): Effect.Effect<Connection<Codec.In<C>, Codec.Out<C>>, ConnectionError, Requirements<T, RO, RH> | Scope.Scope> =>
  internal.make(name, options)

/**
 * The class that `Service` gives.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceClass<Self, Id extends string, C extends Codec.Any, R> extends Context.ServiceClass<
  Self,
  Id,
  Connection<Codec.In<C>, Codec.Out<C>>
> {
  readonly layer: Layer.Layer<Self, ConnectionError, R>
}

/**
 * A connection as a service, with its layer. One class is one connection: the
 * layer is shared by everything that provides it. The class cannot be named
 * inside its own options (TypeScript reports TS2506).
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as Connection from "kharbranth/Connection"
 * import * as Heartbeat from "kharbranth/Heartbeat"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * class Ticker extends Connection.Service<Ticker>()("app/Ticker", {
 *   target: "wss://feed.example/ws",
 *   codec: Codec.text,
 *   heartbeat: Heartbeat.ping({ every: "20 seconds", timeout: "10 seconds" }),
 *   onOpen: (session) => session.send("subscribe")
 * }) {}
 *
 * export const program = Effect.gen(function*() {
 *   const { stream } = yield* Ticker
 *   yield* Stream.runForEach(stream, (line) => Effect.log(line))
 * }).pipe(Effect.provide(Ticker.layer))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const Service =
  <Self>() =>
  <
    const Id extends string,
    const T extends Target.Input<unknown, unknown>,
    C extends Codec.Any = typeof Codec.frames,
    RO = never,
    RH = never
  >(
    id: Id,
    options: Options<C, T, RO, RH>
  ): ServiceClass<Self, Id, C, Requirements<T, RO, RH>> =>
    class extends Context.Service<Self, Connection<Codec.In<C>, Codec.Out<C>>>()(id) {
      static readonly layer: Layer.Layer<Self, ConnectionError, Requirements<T, RO, RH>> = Layer.effect(
        this,
        make(id, options)
      )
    }

/**
 * Sends a message and follows it to its end. The outer effect completes when the
 * outbox has accepted the message; the inner one gives exactly one `Delivery`,
 * as soon as an acknowledgement, a pong to a later ping, or the end of its
 * session shows it.
 *
 * A heartbeat that sends no probes gets no pong. Then either `outbox.acks` or
 * `Connection.ping` has to confirm the message, or its outcome waits until the
 * session ends, and the message keeps its place in the outbox until then.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as Connection from "kharbranth/Connection"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   const connection = yield* Connection.make("orders", {
 *     target: "wss://echo.example/",
 *     codec: Codec.text,
 *     outbox: { acks: { id: (order) => order, match: (reply) => reply } }
 *   }).pipe(network.provide)
 *   return yield* Effect.flatten(Connection.track(connection, "order-1"))
 * })
 *
 * strictEqual((await Effect.runPromise(Effect.scoped(program)))._tag, "Confirmed")
 * ```
 *
 * @category sending
 * @since 0.1.0
 */
export const track: {
  <Out>(
    message: Out,
    options?: Outbox.SendOptions
  ): <In>(self: Connection<In, Out>) => Effect.Effect<Effect.Effect<Delivery>, SendError>
  <In, Out>(
    self: Connection<In, Out>,
    message: Out,
    options?: Outbox.SendOptions
  ): Effect.Effect<Effect.Effect<Delivery>, SendError>
} = /* @__PURE__ */ dual(isSelf, <In, Out>(self: Connection<In, Out>, message: Out, options?: Outbox.SendOptions) =>
  tracking.track(Handle.inside(self), message, options)
)

/**
 * Fans the stream out to many readers. The result becomes the connection's one
 * reader, and may be run many times.
 *
 * @category reading
 * @since 0.1.0
 */
export const broadcast: {
  (
    options?: BroadcastOptions
  ): <In, Out>(
    self: Connection<In, Out>
  ) => Effect.Effect<Stream.Stream<In, ConnectionError>, ConnectionError, Scope.Scope>
  <In, Out>(
    self: Connection<In, Out>,
    options?: BroadcastOptions
  ): Effect.Effect<Stream.Stream<In, ConnectionError>, ConnectionError, Scope.Scope>
} = /* @__PURE__ */ dual(isSelf, <In, Out>(self: Connection<In, Out>, options?: BroadcastOptions) =>
  fanOut.broadcast(self.name, self.stream, options)
)

/**
 * Changes policies: the target, the heartbeat, how to reconnect, deadlines,
 * sizes, hooks, and the bounds of inbox and outbox. Bounds and hooks change at
 * once. The others take effect with the next dial; follow the change with
 * `restart` to make them effective at once. What cannot change, such as the
 * codec, is refused with `InvalidOptions`, and then nothing changes.
 *
 * @category steering
 * @since 0.1.0
 */
export const update: {
  (
    change: (policies: Policies) => Policies
  ): <In, Out>(self: Connection<In, Out>) => Effect.Effect<void, ConnectionError>
  <In, Out>(self: Connection<In, Out>, change: (policies: Policies) => Policies): Effect.Effect<void, ConnectionError>
} = /* @__PURE__ */ dual(2, <In, Out>(self: Connection<In, Out>, change: (policies: Policies) => Policies) =>
  control.update(Handle.inside(self), change)
)

/**
 * Refuses new sends, writes what waits, waits for confirmations until the
 * deadline, then closes.
 *
 * @category steering
 * @since 0.1.0
 */
export const drain: {
  (options?: DrainOptions): <In, Out>(self: Connection<In, Out>) => Effect.Effect<void>
  <In, Out>(self: Connection<In, Out>, options?: DrainOptions): Effect.Effect<void>
} = /* @__PURE__ */ dual(isSelf, <In, Out>(self: Connection<In, Out>, options?: DrainOptions) =>
  control.drain(Handle.inside(self), options?.deadline)
)

/**
 * Closes the connection for good, as its member `close` does, and says why to
 * the peer. A code or reason that a close frame cannot carry fails with
 * `InvalidOptions`, and nothing is closed.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { deepStrictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   const server = yield* network.serve("wss://feed.example/")
 *   const connection = yield* Connection.make("feed", { target: "wss://feed.example/" }).pipe(network.provide)
 *   const peer = yield* server.accepted
 *   yield* Connection.close(connection, { code: 4001, reason: "signed out" })
 *   return yield* peer.ended
 * })
 *
 * const end = await Effect.runPromise(Effect.scoped(program))
 * deepStrictEqual(end, { _tag: "Closed", code: 4001, reason: "signed out", initiator: "client" })
 * ```
 *
 * @category steering
 * @since 0.1.0
 */
export const close: {
  (options: CloseOptions): <In, Out>(self: Connection<In, Out>) => Effect.Effect<void, InvalidOptions>
  <In, Out>(self: Connection<In, Out>, options: CloseOptions): Effect.Effect<void, InvalidOptions>
} = /* @__PURE__ */ dual(2, <In, Out>(self: Connection<In, Out>, options: CloseOptions) =>
  control.closeWith(Handle.inside(self), options)
)

/**
 * Sends a probe and gives the round-trip time once its answer has come: the
 * heartbeat's probe, or a ping frame with a payload of yours, which the peer
 * sends back. Where the transport cannot send pings, as in a page, a payload
 * fails with `PingFailed`.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Duration from "effect/Duration"
 * import * as Effect from "effect/Effect"
 * import { ok } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://feed.example/")
 *   const connection = yield* Connection.make("feed", { target: "wss://feed.example/" }).pipe(network.provide)
 *   return yield* Connection.ping(connection, { payload: new TextEncoder().encode("are you there?") })
 * })
 *
 * ok(Duration.toMillis(await Effect.runPromise(Effect.scoped(program))) >= 0)
 * ```
 *
 * @category liveness
 * @since 0.1.0
 */
export const ping: {
  (options?: PingOptions): <In, Out>(self: Connection<In, Out>) => Effect.Effect<Duration.Duration, ConnectionError>
  <In, Out>(self: Connection<In, Out>, options?: PingOptions): Effect.Effect<Duration.Duration, ConnectionError>
} = /* @__PURE__ */ dual(isSelf, <In, Out>(self: Connection<In, Out>, options?: PingOptions) =>
  control.ping(Handle.inside(self), options?.payload)
)

/**
 * The figures of this moment: messages, bytes, round trips, drops, depths.
 *
 * @category figures
 * @since 0.1.0
 */
export const metrics = <In, Out>(self: Connection<In, Out>): Effect.Effect<ConnectionMetrics> =>
  Effect.sync(() => figures.metrics(Handle.inside(self)))

/**
 * Takes every message that waits out of the outbox, as plain data. Their
 * senders learn that they were dropped as exported.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   const server = yield* network.serve("wss://orders.example/")
 *   return yield* Effect.gen(function*() {
 *     const before = yield* Connection.make("before", { target: "wss://orders.example/", startup: "lazy" })
 *     yield* before.pause
 *     yield* Effect.forkScoped(before.send("buy"), { startImmediately: true })
 *     const items = yield* Connection.exportOutbox(before)
 *     const after = yield* Connection.make("after", { target: "wss://orders.example/" })
 *     yield* Connection.importOutbox(after, items)
 *     const peer = yield* server.accepted
 *     return yield* peer.receive
 *   }).pipe(network.provide)
 * })
 *
 * strictEqual(await Effect.runPromise(Effect.scoped(program)), "buy")
 * ```
 *
 * @category hand-over
 * @since 0.1.0
 */
export const exportOutbox = <In, Out>(self: Connection<In, Out>): Effect.Effect<ReadonlyArray<Outbox.Item>> =>
  Effect.sync(() => Items.exportItems(Handle.inside(self).outbox))

/**
 * Puts what another connection exported into the outbox of this one, by its
 * own rules of overflow.
 *
 * @category hand-over
 * @since 0.1.0
 */
export const importOutbox: {
  (items: ReadonlyArray<Outbox.Item>): <In, Out>(self: Connection<In, Out>) => Effect.Effect<void>
  <In, Out>(self: Connection<In, Out>, items: ReadonlyArray<Outbox.Item>): Effect.Effect<void>
} = /* @__PURE__ */ dual(2, <In, Out>(self: Connection<In, Out>, items: ReadonlyArray<Outbox.Item>) =>
  Effect.sync(() => Items.importItems(Handle.inside(self).outbox, items))
)
