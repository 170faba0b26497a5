/**
 * What happens in one process of a fleet: leases that come and go, names that
 * open and close, and trouble that is being worked around.
 *
 * @since 0.1.0
 */
import type { ForeignCause } from "kharbranth/ConnectionError"
import type { Lease } from "./Lease.ts"

/**
 * This process holds a bucket from now on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Claimed {
  readonly _tag: "Claimed"
  readonly lease: Lease
  /** Who held it before; `undefined` when nobody ever did. */
  readonly before: string | undefined
}

/**
 * A lease ended before this process could renew it; its sockets are cut.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lost {
  readonly _tag: "Lost"
  readonly lease: Lease
}

/**
 * This process closed the names of a bucket and let go of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Released {
  readonly _tag: "Released"
  readonly lease: Lease
  /** Who asked for it; `undefined` when this process leaves the fleet. */
  readonly wantedBy: string | undefined
}

/**
 * The bucket is free, and this process goes on with these names until the next
 * holder has them, or the move's deadline is over. `Released` comes when none is
 * left.
 *
 * @category models
 * @since 0.1.0
 */
export interface Overlapping {
  readonly _tag: "Overlapping"
  readonly lease: Lease
  readonly names: ReadonlyArray<string>
}

/**
 * A name opens here, or is closed here.
 *
 * @category models
 * @since 0.1.0
 */
export interface NameMoved {
  readonly _tag: "NameOpened" | "NameClosed"
  readonly name: string
  readonly lease: Lease
}

/**
 * A name could not be opened, or its consumer failed. Opening waits for a change
 * of the wish; a consumer starts again, at first after a second.
 *
 * @category models
 * @since 0.1.0
 */
export interface NameFailed {
  readonly _tag: "OpenFailed" | "ConsumerFailed"
  readonly name: string
  readonly lease: Lease
  readonly cause: ForeignCause
}

/**
 * Messages that waited in a name's outbox go to its next owner, or came from the
 * one before.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutboxMoved {
  readonly _tag: "OutboxParked" | "OutboxTaken"
  readonly name: string
  readonly lease: Lease
  readonly messages: number
}

/**
 * The store failed or did not answer in time; it is asked again.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoreTrouble {
  readonly _tag: "StoreTrouble"
  readonly operation: string
}

/**
 * Dials of a key failed in a row, and this process holds it for the whole fleet;
 * or one of them worked again. The process that noticed it reports it.
 *
 * @category models
 * @since 0.1.0
 */
export type BreakerTurned =
  | { readonly _tag: "BreakerOpened"; readonly key: string; readonly millis: number }
  | { readonly _tag: "BreakerClosed"; readonly key: string }

/**
 * Everything that a fleet reports.
 *
 * @category models
 * @since 0.1.0
 */
export type FleetEvent =
  | Claimed
  | Lost
  | Released
  | Overlapping
  | NameMoved
  | NameFailed
  | OutboxMoved
  | BreakerTurned
  | StoreTrouble
