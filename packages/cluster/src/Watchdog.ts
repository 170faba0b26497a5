/**
 * Who ends this process when it does not stop using its leases by itself. A fence
 * refuses every frame that is too late, but a paused process cannot close its
 * sockets: their server keeps them open, beside those of the next owner. Something
 * outside the paused process can: it kills it before its lease can be claimed.
 *
 * `@kharbranth/cluster-node` has watchdogs; `layerNone` is for fleets that do
 * without.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * What a watchdog watches.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watched {
  /**
   * How many milliseconds are left until the first lease in use must no longer be used; below 0 while sockets of one that
   * is over are still open, and `undefined` while none is held.
   * It grows with every renewal. A process that runs stops by itself when it reaches 0.
   */
  readonly left: () => number | undefined
  /** How many milliseconds later the process must be dead, because others may claim its lease soon after. */
  readonly grace: number
}

/**
 * A watchdog.
 *
 * @category services
 * @since 0.1.0
 */
export class Watchdog extends Context.Service<
  Watchdog,
  {
    /** Watches for as long as the scope. */
    readonly watch: (watched: Watched) => Effect.Effect<void, never, Scope.Scope>
  }
>()("@kharbranth/cluster/Watchdog") {}

/**
 * No watchdog: while a process is paused longer than its lease, servers see two
 * sockets of its names. The old one stays unused.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNone: Layer.Layer<Watchdog> = Layer.succeed(Watchdog)({ watch: () => Effect.void })
