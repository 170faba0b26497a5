/**
 * The final outcome of one outgoing message, as `Connection.track` reports it.
 * That `send` completes proves nothing about a message's arrival; a tracked
 * message is kept until its outcome is known.
 *
 * @since 0.1.0
 */
import type { SendError } from "./ConnectionError.ts"
import type { DropReason } from "./ConnectionEvent.ts"

/**
 * The message arrived. `ack`: the application said so. `pong` is weaker: the
 * peer answered a ping that was written later. `close` is the weakest: the peer
 * answered our closing handshake, and a close that it began by itself in that
 * very moment looks the same.
 *
 * @category models
 * @since 0.1.0
 */
export interface Confirmed {
  readonly _tag: "Confirmed"
  readonly by: "ack" | "pong" | "close"
}

/**
 * The message waited longer than its ttl and was never written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Expired {
  readonly _tag: "Expired"
}

/**
 * A policy dropped the message. It was never written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dropped {
  readonly _tag: "Dropped"
  readonly reason: DropReason
}

/**
 * The message was never written, for this reason.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failed {
  readonly _tag: "Failed"
  readonly error: SendError
}

/**
 * The message was handed to a socket that ended before any confirmation. It
 * may have arrived.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unknown {
  readonly _tag: "Unknown"
}

/**
 * The one final outcome of a tracked message.
 *
 * @category models
 * @since 0.1.0
 */
export type Delivery = Confirmed | Expired | Dropped | Failed | Unknown

/**
 * Says that the message arrived, and what shows it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const confirmed = (by: Confirmed["by"]): Confirmed => ({ _tag: "Confirmed", by })

/**
 * Says that the message waited for too long.
 *
 * @category constructors
 * @since 0.1.0
 */
export const expired: Expired = { _tag: "Expired" }

/**
 * Says which policy dropped the message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dropped = (reason: DropReason): Dropped => ({ _tag: "Dropped", reason })

/**
 * Says why the message was never written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failed = (error: SendError): Failed => ({ _tag: "Failed", error })

/**
 * Says that nobody can know whether the message arrived.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknown: Unknown = { _tag: "Unknown" }
