/**
 * Who may use a bucket of names, and for how long: the words that the store, the
 * fence and your own programs share.
 *
 * A lease is a row in the store. It expires by the store's clock; its holder stops
 * earlier, by its own monotonic clock, counted from before it asked. So two
 * holders never use one name at the same time, and no wall clock takes part.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * The right to use one bucket of names.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  readonly bucket: string
  /** Grows with every claim of the bucket. What stores on behalf of a name keeps the highest and refuses a lower one. */
  readonly epoch: number
  /** One life of one process: a process that restarts is another holder. */
  readonly holder: string
}

/**
 * How leases are held. A longer `ttl` rides out longer outages of the store, and
 * leaves the names of a process that died without a socket for as long.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** How long a lease lasts without a renewal; it is renewed six times as often. Default: 15 seconds. */
  readonly ttl?: Duration.Input | undefined
  /**
   * How much earlier than the store the holder regards it as over. Clocks whose
   * rates differ by less than `margin / ttl` are safe. Default: 500 milliseconds.
   */
  readonly margin?: Duration.Input | undefined
  /** How long ownership must be still before a process that starts makes its first claim. Default: 3 seconds. */
  readonly settle?: Duration.Input | undefined
}

/**
 * How names move to another process while both live.
 *
 * @category options
 * @since 0.1.0
 */
export interface Moves {
  /** How many names of one process may be on their way at a time. Default: 100. */
  readonly concurrent?: number | undefined
  /** How long the old owner of a `makeFirst` name may go on beside the new one, at most. Default: 30 seconds. */
  readonly deadline?: Duration.Input | undefined
}
