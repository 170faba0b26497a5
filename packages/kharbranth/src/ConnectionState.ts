/**
 * What a connection is doing, as its users see it. A session comes far in
 * gates (`Dialing → Open → Ready → Stable`); the state says `Connecting` until
 * Ready and `Connected` from then on, so connected means usable.
 *
 * @since 0.1.0
 */
import type { ConnectionError } from "./ConnectionError.ts"

/**
 * How far a session has come.
 *
 * @category models
 * @since 0.1.0
 */
export type Gate = "Dialing" | "Open" | "Ready" | "Stable"

/**
 * No session, and none is sought.
 *
 * @category models
 * @since 0.1.0
 */
export interface Disconnected {
  readonly _tag: "Disconnected"
  readonly reason: "NotStarted" | "Paused" | "Closed"
}

/**
 * The first session, or one asked for by a restart, is on its way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connecting {
  readonly _tag: "Connecting"
  /** How many dials this outage has seen, this one included. */
  readonly attempt: number
  readonly gate: "Dialing" | "Open"
}

/**
 * A session is Ready: messages flow.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connected {
  readonly _tag: "Connected"
  /** When it became Ready, in Unix milliseconds. */
  readonly since: number
  readonly epoch: number
  readonly gate: "Ready" | "Stable"
}

/**
 * Waiting for the next dial.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reconnecting {
  readonly _tag: "Reconnecting"
  /** How many dials this outage has seen so far. */
  readonly attempt: number
  /** When the next dial is due, in Unix milliseconds. */
  readonly nextRetryAt: number
  readonly cause: ConnectionError
}

/**
 * The user closes the connection; the closing handshake or a drain is under way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Closing {
  readonly _tag: "Closing"
}

/**
 * The connection gave up. `restart` revives it when `recoverable`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failed {
  readonly _tag: "Failed"
  readonly error: ConnectionError
  readonly recoverable: boolean
}

/**
 * Where a connection is: every state it can be in.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionState = Disconnected | Connecting | Connected | Reconnecting | Closing | Failed

/**
 * Whether messages flow.
 *
 * @category guards
 * @since 0.1.0
 */
export const isConnected = (state: ConnectionState): state is Connected => state._tag === "Connected"

/**
 * Whether the connection has ended for good, or until a restart.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFinal = (state: ConnectionState): state is Failed | Disconnected =>
  state._tag === "Failed" || (state._tag === "Disconnected" && state.reason === "Closed")
