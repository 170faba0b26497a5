/**
 * What a `ConnectionManager` reports about its connections: a snapshot of each as
 * plain data, changes of state by name, and events.
 *
 * @since 0.1.0
 */
import type { ConnectionError } from "./ConnectionError.ts"
import type { ConnectionEvent } from "./ConnectionEvent.ts"
import type { ConnectionMetrics } from "./ConnectionMetrics.ts"
import type { ConnectionState, Gate } from "./ConnectionState.ts"
import type { Command } from "./ManagerCommand.ts"

/**
 * A connection at one moment, as plain data: it can be logged or sent as JSON,
 * and holds no secret.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  readonly name: string
  readonly tags: ReadonlyArray<string>
  /** Which of the states it is in: the `_tag` of `connection.state`. */
  readonly stateTag: ConnectionState["_tag"]
  /** How far its session has come, when it has one. */
  readonly gate: Gate | undefined
  /** The number of its latest session; 0 before the first. */
  readonly epoch: number
  /** Since when it is connected, in Unix milliseconds. */
  readonly since: number | undefined
  /** When the next dial is due, in Unix milliseconds. */
  readonly nextRetryAt: number | undefined
  /** Why it last lost a session or failed to get one. */
  readonly lastError: { readonly tag: ConnectionError["_tag"]; readonly message: string } | undefined
  /** What its dials are counted under, its egress key first. */
  readonly budget: ReadonlyArray<string>
  readonly metrics: ConnectionMetrics
}

/**
 * A connection's state changed; `undefined` means that its name is gone.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly name: string
  readonly state: ConnectionState | undefined
}

/**
 * A message, with the name of the connection that it came by.
 *
 * @category models
 * @since 0.1.0
 */
export interface Named<out In> {
  readonly name: string
  readonly message: In
}

/**
 * A name was taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface Added {
  readonly _tag: "Added"
  readonly name: string
}

/**
 * A connection was closed, and its name is free.
 *
 * @category models
 * @since 0.1.0
 */
export interface Removed {
  readonly _tag: "Removed"
  readonly name: string
}

/**
 * A connection gave up. It keeps its name until it is closed; a restart revives
 * it when `recoverable`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failed {
  readonly _tag: "Failed"
  readonly name: string
  readonly error: ConnectionError
  readonly recoverable: boolean
}

/**
 * A command given through `commands` or `control` did not work at a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandFailed {
  readonly _tag: "CommandFailed"
  readonly name: string
  readonly command: Command["_tag"]
  readonly error: ConnectionError
}

/**
 * Something happened to one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Happened {
  readonly _tag: "Happened"
  readonly name: string
  readonly event: ConnectionEvent
}

/**
 * Everything that a manager reports.
 *
 * @category models
 * @since 0.1.0
 */
export type ManagerEvent = Added | Removed | Failed | CommandFailed | Happened
