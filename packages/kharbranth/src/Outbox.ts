/**
 * How outgoing messages wait, expire, are dropped, written again and confirmed.
 * A completed `send` means that a live session's socket took the message, or
 * that a policy which drops did, and nothing more: neither it nor an empty
 * buffer proves that anything arrived. What does is a `Delivery`, from `Connection.track`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { InvalidOptions } from "./ConnectionError.ts"
import * as Checks from "./internal/options/full.ts"
import { confirmationList, replayBy } from "./internal/outbox/confirmations.ts"
import type { Frame } from "./Message.ts"

/**
 * What happens to a message for which there is no room.
 *
 * - `suspend`: its sender waits, in order.
 * - `dropOldest`: the messages that have waited longest make room, data before
 *   control. One that was written before is never dropped.
 * - `dropNewest`: it is dropped itself.
 * - `fail`: its sender gets `OutboxFull`.
 *
 * @category models
 * @since 0.1.0
 */
export type Overflow = "suspend" | "dropOldest" | "dropNewest" | "fail"

/**
 * What happens to a message that is not written while no session is Ready:
 * it waits, its sender gets `NotConnected`, or it is dropped.
 *
 * @category models
 * @since 0.1.0
 */
export type WhenDown = "hold" | "fail" | "drop"

declare const made: unique symbol

/**
 * A message whose socket died before any confirmation is written again on the
 * next session. Doing so may deliver it twice.
 *
 * @category models
 * @since 0.1.0
 */
export interface Replay {
  readonly _tag: "ifUnknown"
  /** Nobody else can make one: `ifUnknown` is the one there is. */
  readonly [made]: true
}

/**
 * Says of a message that it may be replayed.
 *
 * @example
 * ```ts
 * import type * as Connection from "kharbranth/Connection"
 * import * as Outbox from "kharbranth/Outbox"
 *
 * export const subscribe = (connection: Connection.Connection) =>
 *   connection.send("subscribe", { replay: Outbox.ifUnknown })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const ifUnknown: Replay = /* @__PURE__ */ replayBy(confirmationList)

/**
 * All waiting `control` messages are written before any `data` message.
 *
 * @category models
 * @since 0.1.0
 */
export type Lane = "control" | "data"

/**
 * How the application acknowledges messages. Each function sees a message at
 * most once, `match` from when there may be something to acknowledge; one that
 * throws counts as `undefined`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Acks<in In, in Out> {
  /** The id by which a message will be acknowledged. Without one it can be confirmed by a pong or a close only. */
  readonly id: (message: Out) => string | undefined
  /** The ids that an incoming message acknowledges. */
  readonly match: (message: In) => string | ReadonlyArray<string> | undefined
}

/**
 * How much may wait, for how long, and what happens to the rest.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<in In, in Out> {
  /** How many messages may wait or be unconfirmed. Default: 10,000. */
  readonly capacity?: number | undefined
  /** How many bytes they may have together. A larger message is refused. Default: 16 MiB. */
  readonly maxBytes?: number | undefined
  /** Default: `"suspend"`. */
  readonly overflow?: Overflow | undefined
  /** Default: `"hold"`. */
  readonly whenDown?: WhenDown | undefined
  /**
   * How long a message may wait until it is first written; it is not written
   * again after that either. `"Infinity"` for ever. Default: 30 seconds.
   */
  readonly ttl?: Duration.Input | undefined
  /** How many times a message with `replay: Outbox.ifUnknown` may be written again. Default: 3. */
  readonly maxReplays?: number | undefined
  /** Default: the application does not acknowledge. */
  readonly acks?: Acks<In, Out> | undefined
}

/**
 * What may be said of a single message.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendOptions {
  /** Default: the connection's. */
  readonly whenDown?: WhenDown | undefined
  /** Default: the connection's. */
  readonly ttl?: Duration.Input | undefined
  /** A waiting message of the same lane and key is replaced, in its place. Default: none. */
  readonly key?: string | undefined
  /** Default: `"data"`. */
  readonly lane?: Lane | undefined
  /** Whether it may be written again: `Outbox.ifUnknown`. Default: never. */
  readonly replay?: Replay | undefined
}

/**
 * A message that waits, as plain data: what an outbox exports and another,
 * perhaps in another process, imports.
 *
 * @category models
 * @since 0.1.0
 */
export interface Item {
  readonly frame: Frame
  readonly lane: Lane
  readonly key: string | undefined
  readonly whenDown: WhenDown
  readonly replay: "never" | "ifUnknown"
  /** Milliseconds it may still wait; `undefined` for ever. */
  readonly ttl: number | undefined
  /** Whether a socket has had it already, so that it may have arrived. */
  readonly written: boolean
  /** By what it is acknowledged. */
  readonly id: string | undefined
}

/**
 * What is wrong with the options, if anything.
 *
 * @example
 * ```ts
 * import * as Outbox from "kharbranth/Outbox"
 * import { strictEqual } from "node:assert"
 *
 * strictEqual(Outbox.check({ ttl: "Infinity" }, "feed"), undefined)
 * strictEqual(Outbox.check({ capacity: 0 }, "feed")?._tag, "InvalidOptions")
 * ```
 *
 * @category checks
 * @since 0.1.0
 */
export const check = <In, Out>(options: Options<In, Out>, connection: string): InvalidOptions | undefined =>
  Checks.check(connection, ["outbox"], Checks.outbox, options)
