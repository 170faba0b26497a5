/**
 * Where received messages wait for their reader: how many bytes may wait, what
 * happens when nobody reads, and the markers that stand between messages where
 * some are or may be missing.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { ConnectionError, InvalidOptions } from "./ConnectionError.ts"
import * as Policies from "./internal/inbox/overflow.ts"
import * as Checks from "./internal/options/full.ts"

/**
 * What happens to messages that find the inbox full. The socket is paused first,
 * where the transport can pause; the policy applies where it cannot, and when a
 * paused socket has waited for its reader for `maxStall`.
 *
 * - `"fail"`: the connection fails with `InboxOverflow`. A connection that
 *   nobody has read yet fails nobody: until its first reader comes, which may be
 *   never where taps take what matters, the oldest messages go.
 * - `"dropOldest"`: the messages that have waited longest go.
 * - `{ shed: Inbox.dropNewest }`: the messages that came last go.
 * - `{ shed: Inbox.conflate, key }`: of messages with the same key only the
 *   newest stays, in the place of the first; if that is not enough, the oldest
 *   go.
 *
 * Whatever is dropped is counted, and a {@link Lagged} stands in its place. The
 * last message stays, however large. A session that is being closed is not held
 * back, so that its close can be seen: the policy applies, and under `"fail"`
 * what finds no room is dropped and marked, since the session ends anyway.
 *
 * @category models
 * @since 0.1.0
 */
export type Overflow<In> = "fail" | "dropOldest" | Shedding<In>

/**
 * An overflow policy that comes with its own code. `conflate` needs a key.
 *
 * @category models
 * @since 0.1.0
 */
export type Shedding<In> =
  | { readonly shed: Shed }
  | {
      readonly shed: KeyedShed
      /** What makes messages the same: one whose key is `undefined`, or throws, is like no other. */
      readonly key: (message: In) => unknown
    }

declare const made: unique symbol

/**
 * A way of dropping messages when there is no room. Opaque: `dropNewest` is the one there is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shed {
  /** Nobody else can make one. */
  readonly [made]: "any"
}

/**
 * A way of dropping messages by key. Opaque: `conflate` is the one there is.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyedShed {
  /** Nobody else can make one. */
  readonly [made]: "by key"
}

/**
 * The messages that came last go.
 *
 * @category overflow
 * @since 0.1.0
 */
export const dropNewest: Shed = Policies.dropNewest

/**
 * Of messages with the same `key` only the newest stays, in the place of the
 * first.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as Connection from "kharbranth/Connection"
 * import * as Inbox from "kharbranth/Inbox"
 *
 * export const prices = Connection.make("prices", {
 *   target: "wss://feed.example/prices",
 *   codec: Codec.text,
 *   inbox: { overflow: { shed: Inbox.conflate, key: (price) => price.split("=")[0] } }
 * })
 * ```
 *
 * @category overflow
 * @since 0.1.0
 */
export const conflate: KeyedShed = Policies.conflate

/**
 * How much may wait, for how long, and what happens beyond that.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<in In> {
  /**
   * How many bytes may wait unread before the socket is paused. It is resumed at
   * a quarter of this. A single message may be larger. Default: 65,536.
   */
  readonly highWaterMark?: number | undefined
  /**
   * How long the socket may be held back while the reader takes nothing: a paused
   * socket shows neither pongs nor the server's close. Default: 10 seconds.
   */
  readonly maxStall?: Duration.Input | undefined
  /** What happens to messages that find no room. Default: `"fail"`. */
  readonly overflow?: Overflow<In> | undefined
}

/**
 * A message, with the session that it came by.
 *
 * @category models
 * @since 0.1.0
 */
export interface Message<out In> {
  readonly _tag: "Message"
  readonly epoch: number
  readonly message: In
}

/**
 * Messages from here on came by this session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionOpened {
  readonly _tag: "SessionOpened"
  readonly epoch: number
  /** The session took over from one that was still alive: nothing is missing, unless a {@link Gap} stands before this. */
  readonly rotated: boolean
  /**
   * The most messages of this session that can have come before: how many frames
   * the sessions before it delivered from when this one was dialed until they fell
   * silent. In a rotation that is the old session; after a `pause` or a restart, one
   * that still closes. The doubles need not be the first messages. 0 with a
   * `dedupe` of `rotate`.
   */
  readonly possibleDuplicates: number
}

/**
 * The connection was interrupted here: messages may be missing. So it is, too,
 * when the old session of a rotation ends, however it ends, before its overlap
 * is over, or its successor does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  readonly _tag: "Gap"
  /** The session that begins here. */
  readonly epoch: number
  /**
   * Nothing is missing until here, in Unix milliseconds: the last message of the
   * session that was lost, or the time at which it began to deliver if it
   * delivered nothing. The loss itself may be later. A connection always knows
   * this; `undefined` comes from layers above that have seen nothing yet.
   */
  readonly from: number | undefined
  /** When it was over, in Unix milliseconds. */
  readonly to: number
  readonly cause: ConnectionError
  /** What the `onOpen` program of the new session returned: a server that replayed, say. */
  readonly resumed: unknown
}

/**
 * Messages that had been received were dropped here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lagged {
  readonly _tag: "Lagged"
  readonly dropped: number
  /**
   * Whether `dropped` is an upper bound: a reader that ended early may have used
   * part of its last batch.
   */
  readonly atMost: boolean
}

/**
 * An element of a connection's `entries`.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry<In> = Message<In> | SessionOpened | Gap | Lagged

/**
 * Makes a message entry.
 *
 * @category constructors
 * @since 0.1.0
 */
export const message = <In>(epoch: number, message: In): Message<In> => ({ _tag: "Message", epoch, message })

/**
 * Makes the marker of a session's beginning.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sessionOpened = (fields: Omit<SessionOpened, "_tag">): SessionOpened => ({
  _tag: "SessionOpened",
  ...fields
})

/**
 * Makes the marker of an interruption.
 *
 * @category constructors
 * @since 0.1.0
 */
export const gap = (fields: Omit<Gap, "_tag">): Gap => ({ _tag: "Gap", ...fields })

/**
 * Makes the marker of dropped messages.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lagged = (dropped: number, atMost = false): Lagged => ({ _tag: "Lagged", dropped, atMost })

/**
 * Whether an entry is a message, and no marker.
 *
 * @example
 * ```ts
 * import * as Inbox from "kharbranth/Inbox"
 * import { deepStrictEqual } from "node:assert"
 *
 * const entries: Array<Inbox.Entry<string>> = [Inbox.message(1, "a"), Inbox.lagged(3), Inbox.message(1, "e")]
 * deepStrictEqual(entries.filter(Inbox.isMessage).map((entry) => entry.message), ["a", "e"])
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isMessage = <In>(entry: Entry<In>): entry is Message<In> => entry._tag === "Message"

/**
 * What is wrong with the options, if anything.
 *
 * @category checks
 * @since 0.1.0
 */
export const check = <In>(options: Options<In>, connection: string): InvalidOptions | undefined =>
  Checks.check(connection, ["inbox"], Checks.inbox, options)
