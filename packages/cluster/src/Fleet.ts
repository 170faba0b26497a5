/**
 * A fleet of named connections: names are wishes in a store, each is owned by one
 * process at a time, and any process can change, find and command them.
 * `ClusterManager` has the layers.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as Inbox from "kharbranth/Inbox"
import type * as ManagerCommand from "kharbranth/ManagerCommand"
import type { Snapshot } from "kharbranth/ManagerEvent"
import type * as Outbox from "kharbranth/Outbox"
import type {
  CannotTravel,
  InvalidParams,
  KindMismatch,
  NameNotFound,
  StoreFailed,
  UnknownKind,
  Unreachable
} from "./FleetError.ts"
import type { FleetEvent } from "./FleetEvent.ts"
import type * as FleetKind from "./FleetKind.ts"
import type { Lease } from "./Lease.ts"

/**
 * What the fleet wants to know of a name, beside its params.
 *
 * @category options
 * @since 0.1.0
 */
export interface NameOptions {
  /** Groups it belongs to, to address many at once. Default: none. */
  readonly tags?: ReadonlyArray<string> | undefined
}

/**
 * Which names: one, several, all that carry a tag, or all of a kind. It travels,
 * so it is no function.
 *
 * @category models
 * @since 0.1.0
 */
export type Where = string | ReadonlyArray<string> | { readonly tag: string } | { readonly kind: string }

/**
 * What `reconcile` changed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Changes {
  readonly added: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
}

/**
 * What became of a command at one name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly name: string
  /** `undefined` when it worked. */
  readonly error: { readonly tag: string; readonly message: string } | undefined
}

/**
 * What became of a message that was sent by name.
 *
 * - `Written`: its owner handed it to a live session's socket, or a policy of
 *   yours dropped it.
 * - `Refused`: its owner did not, and will not.
 * - `Unknown`: the owner changed or did not answer. It was written once or never.
 *
 * @category models
 * @since 0.1.0
 */
export type Sent =
  | { readonly _tag: "Written" }
  | { readonly _tag: "Refused"; readonly tag: string; readonly message: string }
  | { readonly _tag: "Unknown" }

/**
 * One process of the fleet, as the store sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Share {
  readonly holder: string
  readonly buckets: number
  readonly names: number
}

/**
 * The fleet at one moment, by the store.
 *
 * @category models
 * @since 0.1.0
 */
export interface Overview {
  readonly names: number
  readonly paused: number
  readonly kinds: Readonly<Record<string, number>>
  readonly holders: ReadonlyArray<Share>
  /** Names that nobody owns now: they wait for a claim. */
  readonly unowned: ReadonlyArray<string>
}

/**
 * One name at one moment, as its owner sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface FleetSnapshot {
  readonly name: string
  /** Who owns it by the store; `undefined` when nobody does. */
  readonly lease: Lease | undefined
  /** `undefined` when its owner did not answer, or has it not open. */
  readonly snapshot: Snapshot | undefined
}

/**
 * What can be asked of a fleet.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** This process's own name in the fleet. */
  readonly holder: string
  /** Lets the fleet keep a name open, or changes its params. Completes when the store has it. */
  readonly ensure: <K extends FleetKind.Any>(
    kind: K,
    name: string,
    params: FleetKind.Params<K>,
    options?: NameOptions
  ) => Effect.Effect<void, InvalidParams | KindMismatch | UnknownKind | StoreFailed>
  /** The whole list of a kind: adds what is new, changes what differs, releases what is gone. */
  readonly reconcile: <K extends FleetKind.Any>(
    kind: K,
    wanted: ReadonlyMap<string, FleetKind.Params<K>>,
    options?: NameOptions
  ) => Effect.Effect<Changes, InvalidParams | KindMismatch | UnknownKind | StoreFailed>
  /** The fleet no longer keeps these names open; names that it does not know are no error. */
  readonly release: (...names: ReadonlyArray<string>) => Effect.Effect<void, StoreFailed>
  /**
   * What a name receives, from the moment it is run, beside its consumer and whichever process owns it. It follows the
   * name from owner to owner, with a `Gap` where it came to another; a slow observer loses the oldest and finds
   * `Lagged`. Messages travel as text, bytes or JSON. Ends when the name is released; fails with `Unreachable` when
   * nobody owns it for five seconds.
   */
  readonly entries: <K extends FleetKind.Any>(
    kind: K,
    name: string
  ) => Stream.Stream<
    Inbox.Entry<FleetKind.In<K>>,
    CannotTravel | KindMismatch | NameNotFound | StoreFailed | Unreachable
  >
  /** Sends a message by name, at most once, whichever process owns it. */
  readonly send: <K extends FleetKind.Any>(
    kind: K,
    name: string,
    message: FleetKind.Out<K>,
    options?: Pick<Outbox.SendOptions, "whenDown" | "ttl" | "key" | "lane">
  ) => Effect.Effect<Sent, KindMismatch | NameNotFound | StoreFailed | Unreachable>
  /**
   * Commands every name that matches, each by itself, and waits for all outcomes. `Pause` and `Resume` are kept in the
   * store, so they hold for the next owner too; `Close` releases the names, and so does `Drain` when it is done.
   */
  readonly broadcast: (
    command: ManagerCommand.Command,
    where?: Where
  ) => Effect.Effect<ReadonlyArray<Outcome>, StoreFailed>
  /** Who owns a name now; `undefined` when nobody does. */
  readonly owner: (name: string) => Effect.Effect<Lease | undefined, NameNotFound | StoreFailed>
  readonly overview: Effect.Effect<Overview, StoreFailed>
  /** Every name that matches, as its owner sees it now; bucket by bucket, as the owners answer. */
  readonly snapshot: (where?: Where) => Stream.Stream<FleetSnapshot, StoreFailed>
  /** What happens in this process, from the moment it is run; a slow observer loses the oldest. */
  readonly events: Stream.Stream<FleetEvent>
  /** Hands over everything that this process holds; completes when it holds nothing. It claims no more. */
  readonly leave: Effect.Effect<void>
}

/**
 * The fleet as a service.
 *
 * @category services
 * @since 0.1.0
 */
export class Fleet extends Context.Service<Fleet, Service>()("@kharbranth/cluster/Fleet") {}
