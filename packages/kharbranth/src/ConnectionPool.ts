/**
 * Several connections behind one name. `shards` spreads items (subscriptions,
 * say) over members that may each carry only so much; `redundant` runs the same
 * feed over several lines and takes every message from whichever is first.
 *
 * Members are connections of a `ConnectionManager`, named `pool/0`, `pool/1`, …
 * and tagged `pool:` and the pool's name.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Codec from "./Codec.ts"
import type { Connection } from "./Connection.ts"
import type { ConnectionError, SendError } from "./ConnectionError.ts"
import type { ConnectionState } from "./ConnectionState.ts"
import type { ConnectOptions, Manager, Requirements } from "./ConnectionManager.ts"
import type { PoolFull } from "./internal/pool/members.ts"
import * as internalRedundant from "./internal/pool/redundant.ts"
import * as internalShards from "./internal/pool/shards.ts"
import type { Named } from "./ManagerEvent.ts"
import type * as Outbox from "./Outbox.ts"
import type * as Target from "./Target.ts"

export {
  /**
   * No member of the pool can carry the item, and no further member may be opened.
   *
   * @category errors
   * @since 0.1.0
   */
  PoolFull
} from "./internal/pool/members.ts"

/**
 * Something that one member carries.
 *
 * @category models
 * @since 0.1.0
 */
export interface Item {
  readonly id: string
  /** What counts against `maxSize`. Default: 0. */
  readonly size?: number | undefined
}

/**
 * A member of a pool at one moment, as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member {
  readonly name: string
  /** Which of the states it is in: the `_tag` of `connection.state`. */
  readonly stateTag: ConnectionState["_tag"]
  /** How many items it carries. */
  readonly count: number
  /** How much they are together. */
  readonly size: number
}

/**
 * Items changed their member: a member died, or there is room for those that
 * waited.
 *
 * @category models
 * @since 0.1.0
 */
export interface Moved<out In, in Out> {
  readonly items: ReadonlyArray<string>
  /** The member that they left; `undefined` for those that waited. */
  readonly from: string | undefined
  /** Who carries them now; `undefined` while they wait for room. */
  readonly to: Connection<In, Out> | undefined
}

/**
 * How members of a pool are made, filled and replaced.
 *
 * @category options
 * @since 0.1.0
 */
export interface ShardOptions<C extends Codec.Any, T, RO, RH = never> {
  /** The options of a member; `index` is its number, never given twice. */
  readonly member: (index: number) => ConnectOptions<C, T, RO, RH>
  /** How many members to open at once, and to keep even when they carry nothing. Default: 1. */
  readonly min?: number | undefined
  /** How many members there may be. Default: 16. */
  readonly max?: number | undefined
  /**
   * How long a member may carry nothing before it is closed, while there are more
   * than `min`: many servers cut a connection on which nothing is subscribed. An
   * item that comes earlier keeps it. `"Infinity"` closes none. Default: 10 seconds.
   */
  readonly retireAfter?: Duration.Input | undefined
  /** How many items a member may carry. Default: no limit. */
  readonly maxCount?: number | undefined
  /** How much its items may be together. Default: no limit. */
  readonly maxSize?: number | undefined
  /** Runs, in order, whenever items moved; the pool does not wait for it. Its failure is ignored. Default: nothing. */
  readonly onMoved?:
    | ((moved: Moved<Codec.In<NoInfer<C>>, Codec.Out<NoInfer<C>>>) => Effect.Effect<unknown, unknown>)
    | undefined
}

/**
 * A pool that spreads items over its members.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shards<out In, in out Out> {
  readonly name: string
  /**
   * Gives the item to the least loaded member, opening one when all are full;
   * completes with its connection, Ready or not. Placing again finds it.
   */
  readonly place: (item: Item) => Effect.Effect<Connection<In, Out>, PoolFull | ConnectionError>
  readonly release: (id: string) => Effect.Effect<void>
  /** Who carries an item; `undefined` for one that is not placed, or waits. */
  readonly find: (id: string) => Connection<In, Out> | undefined
  /** Sends by the member that carries the item; `NotConnected` when nobody does. */
  readonly send: (id: string, message: Out, options?: Outbox.SendOptions) => Effect.Effect<void, SendError>
  readonly members: Effect.Effect<ReadonlyArray<Member>>
  /**
   * Which items moved, from the moment it is run, as `onMoved` is told; nothing
   * is lost to a slow observer. It ends with the pool.
   */
  readonly moves: Stream.Stream<Moved<In, Out>>
  /** How many items wait for room. */
  readonly waiting: Effect.Effect<number>
  /** What arrives at all members, present and later. It is their one reader. */
  readonly messages: Stream.Stream<Named<In>, ConnectionError>
}

/**
 * Makes a pool that spreads items, for as long as its Scope.
 *
 * A member that gives up, or is closed from outside, is dead: its items go to
 * the others, least loaded first, and a new member is opened for those that find
 * no room, up to `max`. A member that only reconnects keeps its items, and one
 * that has carried nothing for `retireAfter` is closed. For topics, `Subscriptions.sharded` does the placing.
 *
 * @example
 * ```ts
 * import * as ConnectionManager from "kharbranth/ConnectionManager"
 * import * as ConnectionPool from "kharbranth/ConnectionPool"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Fiber from "effect/Fiber"
 * import * as Stream from "effect/Stream"
 * import { deepStrictEqual, strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://feed.example/")
 *   yield* Effect.gen(function*() {
 *     const manager = yield* ConnectionManager.make()
 *     const pool = yield* ConnectionPool.shards(manager, "feed", {
 *       member: () => ({ target: "wss://feed.example/" }),
 *       max: 2,
 *       maxCount: 1
 *     })
 *     const { name } = yield* pool.place({ id: "btc" })
 *     yield* pool.place({ id: "eth" })
 *     strictEqual((yield* Effect.flip(pool.place({ id: "sol" })))._tag, "PoolFull")
 *
 *     // The member that carries "btc" dies: a new one takes over.
 *     const moves = yield* Effect.forkChild(pool.moves.pipe(Stream.take(2), Stream.runCollect), {
 *       startImmediately: true
 *     })
 *     yield* manager.close(name)
 *     const moved = (yield* Fiber.join(moves)).map(({ from, to }) => [from, to?.name])
 *     deepStrictEqual(moved, [["feed/0", undefined], [undefined, "feed/2"]])
 *   }).pipe(network.provide)
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const shards: <
  const T extends Target.Input<unknown, unknown>,
  C extends Codec.Any = typeof Codec.frames,
  RO = never,
  RH = never
>(
  manager: Manager,
  name: string,
  options: ShardOptions<C, T, RO, RH>
) => Effect.Effect<Shards<Codec.In<C>, Codec.Out<C>>, ConnectionError, Requirements<T, RO, RH> | Scope.Scope> =
  internalShards.make

/**
 * How many lines carry the same data, and how doubles are found.
 *
 * @category options
 * @since 0.1.0
 */
export interface RedundantOptions<C extends Codec.Any, T, RO, RH = never> {
  /** The options of a line; `index` counts from 0. */
  readonly line: (index: number) => ConnectOptions<C, T, RO, RH>
  /** How many lines. Default: 2. */
  readonly lines?: number | undefined
  /** What makes two messages the same. `undefined`: this one has no double. When it throws, too. */
  readonly key: (message: Codec.In<NoInfer<C>>) => unknown
  /** How many keys are remembered. Default: 65,536. */
  readonly window?: number | undefined
}

/**
 * Which line was how good.
 *
 * @category models
 * @since 0.1.0
 */
export interface LineScore {
  readonly name: string
  /** Which of the states it is in: the `_tag` of `connection.state`. */
  readonly stateTag: ConnectionState["_tag"]
  /** Messages that it brought first. */
  readonly wins: number
  /** Messages that another line had brought before. */
  readonly late: number
}

/**
 * One feed over several lines.
 *
 * @category models
 * @since 0.1.0
 */
export interface Redundant<out In, in out Out> {
  readonly name: string
  /** Every message once, from the line that brought it first. One reader at a time. */
  readonly stream: Stream.Stream<In, ConnectionError>
  /**
   * Sends by every line; completes with the first that took it, fails when none
   * did. A line that is down fails unless `whenDown` says otherwise.
   */
  readonly send: (message: Out, options?: Outbox.SendOptions) => Effect.Effect<void, SendError>
  readonly lines: ReadonlyArray<Connection<In, Out>>
  readonly scores: Effect.Effect<ReadonlyArray<LineScore>>
  /** How far behind the winner late messages came on average, in milliseconds; `undefined` before the first. */
  readonly lag: Effect.Effect<number | undefined>
}

/**
 * Opens several lines to one feed, for as long as its Scope; completes when the
 * lines exist, Ready or not.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as ConnectionManager from "kharbranth/ConnectionManager"
 * import * as ConnectionPool from "kharbranth/ConnectionPool"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { deepStrictEqual, strictEqual } from "node:assert"
 *
 * const hosts = ["wss://a.example/", "wss://b.example/"] as const
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   for (const host of hosts) yield* network.serve(host, (peer) => peer.send(["1", "2", "3"]))
 *   yield* Effect.gen(function*() {
 *     const manager = yield* ConnectionManager.make()
 *     const pool = yield* ConnectionPool.redundant(manager, "feed", {
 *       line: (index) => ({ target: hosts[index]!, codec: Codec.text }),
 *       key: (message) => message
 *     })
 *     deepStrictEqual(yield* pool.stream.pipe(Stream.take(3), Stream.runCollect), ["1", "2", "3"])
 *     strictEqual((yield* pool.scores).reduce((sum, { wins }) => sum + wins, 0), 3)
 *   }).pipe(network.provide)
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const redundant: <
  const T extends Target.Input<unknown, unknown>,
  C extends Codec.Any = typeof Codec.frames,
  RO = never,
  RH = never
>(
  manager: Manager,
  name: string,
  options: RedundantOptions<C, T, RO, RH>
) => Effect.Effect<Redundant<Codec.In<C>, Codec.Out<C>>, ConnectionError, Requirements<T, RO, RH> | Scope.Scope> =
  internalRedundant.make
