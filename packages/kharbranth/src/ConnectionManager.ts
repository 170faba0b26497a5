/**
 * Many named connections in one process: names in, streams out, sockets hidden.
 * A service that opens, finds, addresses and closes connections by name, and
 * lets all of their dials pass one budget.
 *
 * `layer` (or `make`) takes the `Transport` once; everything that it opened is
 * closed with its scope.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Queue from "effect/Queue"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import * as Codec from "./Codec.ts"
import type * as Connection from "./Connection.ts"
import type { ConnectionError, ConnectionNotFound, InvalidOptions } from "./ConnectionError.ts"
import type * as DialBudget from "./DialBudget.ts"
import * as internal from "./internal/manager/make.ts"
import * as Declared from "./internal/manager/declared/parse.ts"
import type { Addressed, Command, Outcome, Where } from "./ManagerCommand.ts"
import type { Change, ManagerEvent, Named, Snapshot } from "./ManagerEvent.ts"
import type * as Message from "./Message.ts"
import type * as Outbox from "./Outbox.ts"
import type { Permit } from "./Session.ts"
import type * as Target from "./Target.ts"
import type { Transport } from "./Transport.ts"

/**
 * A name that remembers what its connection carries.
 *
 * @category models
 * @since 0.1.0
 */
export interface Key<out In = Message.Data, in Out = Message.Input> {
  readonly name: string
  readonly codec: Codec.Codec<In, Out>
}

/**
 * What the manager wants to know of a connection, beside its own options.
 *
 * @category options
 * @since 0.1.0
 */
export interface Managed {
  /**
   * What its dials are counted under. Default: the origin of the url that is
   * dialed, with the proxy and local address where the transport has any, as in
   * `"wss://feed.example via 10.0.0.2"`; with a url that is only known when it is
   * dialed, a key of its own, so give one where such connections share a server.
   */
  readonly egress?: string | undefined
  /**
   * Dials it instead of the manager's transport, from another address of this
   * machine for instance. Default: the manager's.
   */
  readonly transport?: Transport["Service"] | undefined
  /** Further keys whose limits apply to its dials at the same time, such as `"account:7"`. Default: none. */
  readonly budget?: ReadonlyArray<string> | undefined
  /** Dials of a higher priority go first. Default: 0. */
  readonly priority?: number | undefined
}

/**
 * Options of a connection that is opened by name.
 *
 * @category options
 * @since 0.1.0
 */
export interface ConnectOptions<C extends Codec.Any, T, RO, RH = never>
  extends Connection.Options<C, T, RO, RH>, Managed {}

/**
 * Options of a connection that is opened by key: the key has the codec.
 *
 * @category options
 * @since 0.1.0
 */
export type KeyedOptions<In, Out, T, RO, RH = never> = Omit<ConnectOptions<Codec.Codec<In, Out>, T, RO, RH>, "codec">

/**
 * What opening needs of its caller's environment; the `Transport` is the
 * manager's.
 *
 * @category type-level
 * @since 0.1.0
 */
export type Requirements<T, RO, RH> = Exclude<Connection.Requirements<T, RO, RH>, Transport>

/**
 * Opens a connection. With `startup: "await"` (the default) it completes when
 * the connection is Ready; when that fails, the name is free again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connect {
  <In, Out, const T extends Target.Input<unknown, unknown>, RO = never, RH = never>(
    key: Key<In, Out>,
    options: KeyedOptions<In, Out, T, RO, RH>
  ): Effect.Effect<Connection.Connection<In, Out>, ConnectionError, Requirements<T, RO, RH>>
  <const T extends Target.Input<unknown, unknown>, C extends Codec.Any = typeof Codec.frames, RO = never, RH = never>(
    name: string,
    options: ConnectOptions<C, T, RO, RH>
  ): Effect.Effect<Connection.Connection<Codec.In<C>, Codec.Out<C>>, ConnectionError, Requirements<T, RO, RH>>
}

/**
 * Finds the connection of a name. By key it is typed, and an `InvalidOptions`
 * when it was opened with another codec; by name it is readable as unknown.
 *
 * @category models
 * @since 0.1.0
 */
export interface Get {
  <In, Out>(key: Key<In, Out>): Effect.Effect<Connection.Connection<In, Out>, ConnectionNotFound | InvalidOptions>
  (name: string): Effect.Effect<Connection.Any, ConnectionNotFound>
}

/**
 * Sends by key, typed, or by name, a frame past the codec.
 *
 * @category models
 * @since 0.1.0
 */
export interface Send {
  <In, Out>(key: Key<In, Out>, message: Out, options?: Outbox.SendOptions): Effect.Effect<void, ConnectionError>
  (name: string, frame: Message.Frame, options?: Outbox.SendOptions): Effect.Effect<void, ConnectionError>
}

/**
 * Fans several connections in, each element with its name. It is the one reader
 * of those connections. What waits, waits in each connection's own inbox: a
 * busy one evicts nothing of another. By tag or function, connections that are
 * opened later join; one that ends or fails leaves, and joins again when it is
 * revived. It ends with the manager.
 *
 * @category models
 * @since 0.1.0
 */
export interface Messages {
  <In, Out>(...keys: ReadonlyArray<Key<In, Out>>): Stream.Stream<Named<In>, ConnectionError>
  (where?: Where): Stream.Stream<Named<unknown>, ConnectionError>
}

/**
 * Many named connections in one place: the service that `ConnectionManager` is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Manager {
  /** Fails with `ConnectionExists` when the name is taken. */
  readonly connect: Connect
  /** Opens, or shares what is open under this name with the same codec. */
  readonly ensure: Connect
  readonly get: Get
  readonly has: (name: string) => boolean
  readonly send: Send
  /** Replaces the session of one connection; completes when it is Ready. */
  readonly restart: (name: string, options?: Connection.RestartOptions) => Effect.Effect<void, ConnectionError>
  /** As the connection's own `rotate`; completes when the successor is Ready. */
  readonly rotate: (name: string, options?: Connection.RotateOptions) => Effect.Effect<void, ConnectionError>
  readonly update: (
    name: string,
    change: (policies: Connection.Policies) => Connection.Policies
  ) => Effect.Effect<void, ConnectionError>
  readonly pause: (where: Where) => Effect.Effect<void, ConnectionError>
  readonly resume: (where: Where) => Effect.Effect<void, ConnectionError>
  /** Closes one connection and frees its name; closing what is not open is no error. */
  readonly close: (name: string) => Effect.Effect<void>
  /** Closes all, or all that match. */
  readonly closeAll: (where?: Where) => Effect.Effect<void>
  /** Waits until all that match now are Ready; fails with the first that cannot be. */
  readonly awaitReady: (where?: Where) => Effect.Effect<void, ConnectionError>
  /** Every name that is open, in no particular order. */
  readonly names: Effect.Effect<ReadonlyArray<string>>
  /** Every connection at this moment, as plain data; in no particular order, which is that of `names`. */
  readonly snapshot: Effect.Effect<ReadonlyArray<Snapshot>>
  /** The present state of each, then every change; a slow observer gets the latest of each name, never a backlog. */
  readonly changes: Stream.Stream<Change>
  readonly messages: Messages
  /** What happens, from the moment it is run; a slow observer loses the oldest. */
  readonly events: Stream.Stream<ManagerEvent>
  /** Commands every connection that matches, each by itself, and waits for all outcomes. */
  readonly broadcast: (command: Command, where?: Where) => Effect.Effect<ReadonlyArray<Outcome>, ConnectionError>
  /** The same for programs that hold only a queue; a failure is an event. */
  readonly commands: Queue.Enqueue<Addressed>
  /** The same as a sink. */
  readonly control: Sink.Sink<void, Addressed>
  /** Opens what a configuration declares, all at once; see {@link parse}. Completes when all are registered. */
  readonly declare: (configuration: unknown) => Effect.Effect<ReadonlyArray<Connection.Any>, ConnectionError>
  readonly budget: DialBudget.DialBudget
}

/**
 * The service.
 *
 * @category services
 * @since 0.1.0
 */
export class ConnectionManager extends Context.Service<ConnectionManager, Manager>()("kharbranth/ConnectionManager") {}

/**
 * A dial that a manager's `permit` is asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface ManagedDial extends Permit {
  /** What it is counted under, its egress key first. */
  readonly keys: ReadonlyArray<string>
}

/**
 * What a manager allows in all, and how it dials.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<R = never> {
  /** What dials may do, by key. Default: `DialBudget`'s. */
  readonly budget?: DialBudget.Options | undefined
  /** Runs when a connection gives up for good; its failure is ignored. Default: nothing. */
  readonly onFailed?:
    | ((failure: {
        readonly name: string
        readonly error: ConnectionError
        readonly recoverable: boolean
      }) => Effect.Effect<unknown, unknown, R>)
    | undefined
  /**
   * Asked before every dial, last: the connection's own `permit` and the budget have let it go. For limits that
   * several processes share. Its scope closes when the dial is over, with its outcome. Default: none.
   */
  readonly permit?: ((dial: ManagedDial) => Effect.Effect<void, ConnectionError, Scope.Scope>) | undefined
  /** How many commands may wait in `commands`. Default: 1,024. */
  readonly commandCapacity?: number | undefined
}

/**
 * Makes a typed name.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as ConnectionManager from "kharbranth/ConnectionManager"
 * import { strictEqual } from "node:assert"
 *
 * const trades = ConnectionManager.key("trades", Codec.json)
 * strictEqual(trades.name, "trades")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const key: {
  (name: string): Key
  <In, Out>(name: string, codec: Codec.Codec<In, Out>): Key<In, Out>
} = (name: string, codec: Codec.Any = Codec.frames) => ({ name, codec }) as Key<never, unknown>

/**
 * Makes a manager that lives as long as its Scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <R = never>(
  options?: Options<R>
) => Effect.Effect<Manager, InvalidOptions, Scope.Scope | Transport | R> = internal.make

/**
 * The manager as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <R = never>(
  options?: Options<R>
): Layer.Layer<ConnectionManager, InvalidOptions, Transport | Exclude<R, Scope.Scope>> =>
  Layer.effect(ConnectionManager, make(options))

/**
 * A connection that was declared as data.
 *
 * @category models
 * @since 0.1.0
 */
export type Declaration = Declared.Declaration

/**
 * Reads a configuration: `{ connections: { [name]: { url, … } } }`, from a JSON
 * file for instance. Fails with everything that is wrong with it, each by path.
 *
 * @category declaring
 * @since 0.1.0
 */
export const parse: (
  configuration: unknown
) => Result.Result<ReadonlyArray<Declaration>, ReadonlyArray<InvalidOptions>> = Declared.parse

/**
 * What `connect` takes to open a connection that was declared. Its codec has the
 * types of a declaration's.
 *
 * @example
 * ```ts
 * import * as ConnectionManager from "kharbranth/ConnectionManager"
 * import * as Result from "effect/Result"
 * import { strictEqual } from "node:assert"
 *
 * const parsed = ConnectionManager.parse({ connections: { feed: { url: "wss://feed.example/" } } })
 * const [feed] = Result.getOrThrow(parsed)
 * strictEqual(ConnectionManager.optionsOf(feed!).startup, "background")
 * ```
 *
 * @category declaring
 * @since 0.1.0
 */
export const optionsOf: (
  declaration: Declaration
) => ConnectOptions<Codec.Codec<unknown, never>, Target.Options, never> = Declared.optionsOf
