/**
 * What the processes of a fleet agree on: leases, wishes, messages on their way
 * to another holder, and blocks of dial permits. Every verb is one atomic step of the store, and all times are the
 * store's own, handed out as spans: no clock of a process takes part.
 *
 * `layerMemory` is for one process and for tests; `SqlFleetStore.layer` keeps the
 * same in Postgres. One list of tests holds both to it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { StoreFailed } from "./FleetError.ts"
import * as memory from "./internal/store/memory.ts"
import type { Lease } from "./Lease.ts"

/**
 * A lease that was claimed just now.
 *
 * @category leases
 * @since 0.1.0
 */
export interface Claimed extends Lease {
  /** Who held the bucket before; `undefined` when nobody ever did. */
  readonly before: string | undefined
  /** How many milliseconds ago its holder before was last seen: its last renewal, or its release. */
  readonly silence: number | undefined
  /** A holder before that may go on with some names for so many milliseconds. */
  readonly overlap: { readonly epoch: number; readonly millis: number } | undefined
}

/**
 * A bucket that somebody else holds.
 *
 * @category leases
 * @since 0.1.0
 */
export interface Busy {
  readonly bucket: string
  readonly holder: string
}

/**
 * What is asked for in one claim.
 *
 * @category leases
 * @since 0.1.0
 */
export interface Claim {
  readonly holder: string
  readonly buckets: ReadonlyArray<string>
  /** In milliseconds. */
  readonly ttl: number
}

/**
 * A lease that goes on.
 *
 * @category leases
 * @since 0.1.0
 */
export interface Renewed {
  readonly bucket: string
  readonly epoch: number
  /** Who asks for the bucket, if somebody does. */
  readonly wantedBy: string | undefined
}

/**
 * A lease, as it stands in the store.
 *
 * @category leases
 * @since 0.1.0
 */
export interface Standing {
  readonly bucket: string
  readonly epoch: number
  /** `undefined` when it was released or is over. */
  readonly holder: string | undefined
}

/**
 * Who may use which bucket.
 *
 * @category leases
 * @since 0.1.0
 */
export interface Leases {
  /**
   * Takes what is free, expired, or the holder's already, each with an epoch of
   * one more. A bucket that somebody else holds is marked as wanted.
   */
  readonly claim: (
    claim: Claim
  ) => Effect.Effect<{ readonly claimed: ReadonlyArray<Claimed>; readonly busy: ReadonlyArray<Busy> }, StoreFailed>
  /** Prolongs leases of this holder and epoch that are not over. What is missing in the answer is lost. */
  readonly renew: (leases: ReadonlyArray<Lease>, ttl: number) => Effect.Effect<ReadonlyArray<Renewed>, StoreFailed>
  /** Ends leases of this holder and epoch at once, and overlaps that they left. */
  readonly release: (leases: ReadonlyArray<Lease>) => Effect.Effect<void, StoreFailed>
  /** Every bucket that was ever claimed. */
  readonly all: Effect.Effect<ReadonlyArray<Standing>, StoreFailed>
}

/**
 * A name that the fleet must keep open.
 *
 * @category wishes
 * @since 0.1.0
 */
export interface Wish {
  readonly name: string
  readonly kind: string
  readonly bucket: string
  /** JSON, as the kind's schema encodes it. */
  readonly params: unknown
  readonly tags: ReadonlyArray<string>
  readonly paused: boolean
}

/**
 * A wish as it stands in the store.
 *
 * @category wishes
 * @since 0.1.0
 */
export interface Wished extends Wish {
  /** Grows whenever the wish changes. */
  readonly version: number
  /** What `saveCursor` kept last, and under which lease. */
  readonly cursor: unknown
  readonly cursorEpoch: number | undefined
}

/**
 * Which wishes.
 *
 * @category wishes
 * @since 0.1.0
 */
export interface Selection {
  readonly names?: ReadonlyArray<string> | undefined
  readonly buckets?: ReadonlyArray<string> | undefined
  readonly kind?: string | undefined
  readonly tag?: string | undefined
}

/**
 * Which names the fleet must keep open.
 *
 * @category wishes
 * @since 0.1.0
 */
export interface Wishes {
  /** Adds wishes, or changes them. A wish that is the same already keeps its version; the cursor stays. */
  readonly put: (wishes: ReadonlyArray<Wish>) => Effect.Effect<void, StoreFailed>
  readonly remove: (names: ReadonlyArray<string>) => Effect.Effect<void, StoreFailed>
  readonly pause: (names: ReadonlyArray<string>, paused: boolean) => Effect.Effect<void, StoreFailed>
  /** All that match everything that the selection names. */
  readonly select: (selection: Selection) => Effect.Effect<ReadonlyArray<Wished>, StoreFailed>
  /** Grows with every change of any wish, cursors aside. */
  readonly version: Effect.Effect<number, StoreFailed>
  /** Keeps cursors of names whose bucket this lease still is; resolves to the names that were kept. */
  readonly saveCursors: (
    lease: Lease,
    cursors: ReadonlyArray<{ readonly name: string; readonly value: unknown }>
  ) => Effect.Effect<ReadonlyArray<string>, StoreFailed>
}

/**
 * A message on its way from one holder of a name to the next.
 *
 * @category outboxes
 * @since 0.1.0
 */
export interface Parked {
  readonly name: string
  /** Its place among the messages of its name. */
  readonly position: number
  /** JSON. */
  readonly item: unknown
  /** How many milliseconds it may still wait; `undefined` for ever. */
  readonly ttl: number | undefined
}

/**
 * A message that a holder before this one put there.
 *
 * @category outboxes
 * @since 0.1.0
 */
export interface Taken extends Parked {
  readonly bucket: string
}

/**
 * What waited in the outboxes of names that move.
 *
 * @category outboxes
 * @since 0.1.0
 */
export interface Outboxes {
  /** Keeps messages for the next holder of the bucket, if this lease is in force. */
  readonly put: (lease: Lease, parked: ReadonlyArray<Parked>) => Effect.Effect<void, StoreFailed>
  /**
   * What the holders before these leases put there, in order. Only one lease ever gets a message; asked again, it gets
   * the same ones. Those that waited for too long, or were another lease's, are gone.
   */
  readonly take: (leases: ReadonlyArray<Lease>) => Effect.Effect<ReadonlyArray<Taken>, StoreFailed>
  /** These leases have what they took. */
  readonly forget: (leases: ReadonlyArray<Lease>) => Effect.Effect<void, StoreFailed>
}

/**
 * What one holder lets another know about a name.
 *
 * @category handovers
 * @since 0.1.0
 */
export interface Note {
  readonly name: string
  /** JSON. */
  readonly value: unknown
}

/**
 * What is known of a bucket's overlap: who holds the bucket by now, and the notes
 * of both sides, each with the epoch of its lease.
 *
 * @category handovers
 * @since 0.1.0
 */
export interface Handover {
  readonly holder: string | undefined
  /** The epoch of the lease whose overlap lasts. */
  readonly overlap: number | undefined
  readonly notes: ReadonlyArray<Note & { readonly epoch: number }>
}

/**
 * Moves in which the old holder goes on with names until the new one has them.
 *
 * @category handovers
 * @since 0.1.0
 */
export interface Handovers {
  /**
   * Frees a lease whose holder goes on with these names for so many milliseconds. `false`: the lease is not in force,
   * or an earlier overlap of its bucket lasts; then nothing is freed. Leaves one note for each name.
   */
  readonly begin: (lease: Lease, notes: ReadonlyArray<Note>, millis: number) => Effect.Effect<boolean, StoreFailed>
  /** Replaces this lease's notes about these names, while it is in force or its overlap lasts. */
  readonly note: (lease: Lease, notes: ReadonlyArray<Note>) => Effect.Effect<void, StoreFailed>
  readonly read: (bucket: string) => Effect.Effect<Handover, StoreFailed>
}

/**
 * What is asked for in one block of permits.
 *
 * @category permits
 * @since 0.1.0
 */
export interface Take {
  readonly key: string
  readonly limit: number
  /** In milliseconds. */
  readonly window: number
  readonly want: number
  /** How many milliseconds after the grant the server may have seen the last dial of the block. */
  readonly within: number
}

/**
 * A block of permits, or how long to wait for one.
 *
 * @category permits
 * @since 0.1.0
 */
export type Block =
  | {
      readonly _tag: "Granted"
      readonly id: string
      readonly permits: number
      /** How many dials of the key failed in a row before, in the whole fleet, as far as it was told. */
      readonly failures: number
    }
  | { readonly _tag: "Wait"; readonly millis: number }

/**
 * When dials that fail hold a key for the whole fleet.
 *
 * @category permits
 * @since 0.1.0
 */
export interface Breaker {
  /** How many dials in a row must fail. */
  readonly failures: number
  /** How many milliseconds the first hold lasts; each further one twice as long. */
  readonly cooldown: number
  /** The longest hold, in milliseconds. */
  readonly maxCooldown: number
}

/**
 * How many dials of a key the whole fleet may make.
 *
 * @category permits
 * @since 0.1.0
 */
export interface Permits {
  /** Grants up to `want`; a block counts from its grant until `within` and a window later, used or not. */
  readonly take: (take: Take) => Effect.Effect<Block, StoreFailed>
  /** Every dial of the block is over and the server has seen it by now, but for `unused` permits, which no dial will use. */
  readonly settle: (id: string, unused: number) => Effect.Effect<void, StoreFailed>
  /** No block of this key is granted for so many milliseconds; a hold that lasts longer stays. */
  readonly hold: (key: string, millis: number) => Effect.Effect<void, StoreFailed>
  /**
   * A dial of this key failed. Gives how many milliseconds the key is held for that, or 0: not enough failed in a row,
   * or it is held already. After the hold one permit is granted, and no other until that dial worked or failed, or its
   * `within` is over.
   */
  readonly failed: (key: string, breaker: Breaker) => Effect.Effect<number, StoreFailed>
  /** A dial of this key worked: none failed in a row. Gives whether failed dials had held the key. */
  readonly worked: (key: string) => Effect.Effect<boolean, StoreFailed>
}

/**
 * What a store says at once, to whom it concerns.
 *
 * @category news
 * @since 0.1.0
 */
export type Notice =
  /** Some wish has changed. */
  | { readonly _tag: "Wishes" }
  /** Somebody asks for a bucket of this holder. */
  | { readonly _tag: "Wanted"; readonly holder: string }
  /** A bucket that this holder asks for is free. */
  | { readonly _tag: "Freed"; readonly holder: string }
  /** No dial of this key may begin for a while. */
  | { readonly _tag: "Held"; readonly key: string }

/**
 * A store's own voice. It only saves time: processes look again and again anyway, so a
 * notice may be late, come twice, or not at all.
 *
 * @category news
 * @since 0.1.0
 */
export interface News {
  /** Calls `heard` for every notice, as long as the scope. It may be called before the listener knows of the change. */
  readonly listen: (heard: (notice: Notice) => void) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * The store of a fleet.
 *
 * @category services
 * @since 0.1.0
 */
export class FleetStore extends Context.Service<
  FleetStore,
  {
    readonly leases: Leases
    readonly wishes: Wishes
    readonly outboxes: Outboxes
    readonly handovers: Handovers
    readonly permits: Permits
    /** Default: none, and changes are found by looking alone. */
    readonly news?: News | undefined
  }
>()("@kharbranth/cluster/FleetStore") {}

/**
 * Makes a store in memory, on the clock of its caller.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMemory: Effect.Effect<FleetStore["Service"]> = memory.make

/**
 * A store in memory, for one process and for tests.
 *
 * @example
 * ```ts
 * import * as FleetStore from "@kharbranth/cluster/FleetStore"
 * import * as Effect from "effect/Effect"
 * import { deepStrictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const { leases } = yield* FleetStore.FleetStore
 *   const first = yield* leases.claim({ holder: "a", buckets: ["b1"], ttl: 15_000 })
 *   const second = yield* leases.claim({ holder: "b", buckets: ["b1"], ttl: 15_000 })
 *   deepStrictEqual(first.claimed.map(({ epoch }) => epoch), [1])
 *   deepStrictEqual(second.busy, [{ bucket: "b1", holder: "a" }])
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(FleetStore.layerMemory)))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<FleetStore> = Layer.effect(FleetStore, makeMemory)
