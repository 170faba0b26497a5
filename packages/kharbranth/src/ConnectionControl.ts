/**
 * What is done to a connection now and then. Functions of their own, so that a
 * page carries only those that it uses.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Connection from "./Connection.ts"
import type { ConnectionError } from "./ConnectionError.ts"
import * as fanOut from "./internal/connection/use/broadcast.ts"
import * as internal from "./internal/connection/use/control.ts"
import { Handle } from "./internal/connection/use/handle.ts"
import * as Items from "./internal/outbox/transfer.ts"
import type * as Outbox from "./Outbox.ts"

/**
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
 * Fans a connection's stream out: the result is its one reader, and may be run
 * many times.
 *
 * @category reading
 * @since 0.1.0
 */
export const broadcast = <In, Out>(
  connection: Connection.Connection<In, Out>,
  options?: BroadcastOptions
): Effect.Effect<Stream.Stream<In, ConnectionError>, ConnectionError, Scope.Scope> =>
  fanOut.broadcast(connection.name, connection.stream, options)

/**
 * Changes policies; takes effect with the next dial, so follow it with
 * `restart` if it must be now.
 *
 * @category steering
 * @since 0.1.0
 */
export const update = <In, Out>(
  connection: Connection.Connection<In, Out>,
  change: (policies: Connection.Policies) => Connection.Policies
): Effect.Effect<void, ConnectionError> => internal.update(Handle.inside(connection), change)

/**
 * Refuses new sends, flushes, waits for confirmations at most this long, then
 * closes. Default: 30 seconds.
 *
 * @category steering
 * @since 0.1.0
 */
export const drain = <In, Out>(
  connection: Connection.Connection<In, Out>,
  deadline?: Duration.Input
): Effect.Effect<void> => internal.drain(Handle.inside(connection), deadline)

/**
 * Sends a probe and waits for its answer: the round-trip time.
 *
 * @category liveness
 * @since 0.1.0
 */
export const ping = <In, Out>(
  connection: Connection.Connection<In, Out>
): Effect.Effect<Duration.Duration, ConnectionError> => internal.ping(Handle.inside(connection))

/**
 * Takes what waits to be sent out of a connection, to hand it to another. What
 * a live socket has taken already stays, to be confirmed here.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as ConnectionControl from "kharbranth/ConnectionControl"
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
 *     const items = yield* ConnectionControl.exportOutbox(before)
 *     const after = yield* Connection.make("after", { target: "wss://orders.example/" })
 *     yield* ConnectionControl.importOutbox(after, items)
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
export const exportOutbox = <In, Out>(
  connection: Connection.Connection<In, Out>
): Effect.Effect<ReadonlyArray<Outbox.Item>> => Effect.sync(() => Items.exportItems(Handle.inside(connection).outbox))

/**
 * Puts what another connection exported into the outbox of this one, by its
 * rules of overflow.
 *
 * @category hand-over
 * @since 0.1.0
 */
export const importOutbox = <In, Out>(
  connection: Connection.Connection<In, Out>,
  items: ReadonlyArray<Outbox.Item>
): Effect.Effect<void> => Effect.sync(() => Items.importItems(Handle.inside(connection).outbox, items))
