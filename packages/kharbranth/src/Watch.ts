/**
 * The read half of a state: its value now, and its changes. A `Watch` gives no
 * way to write, and a slow observer sees the latest value, never a backlog.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/**
 * A value that somebody else changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watch<out A> {
  /** The value now. */
  readonly get: Effect.Effect<A>
  /** The value now, outside an Effect. */
  getUnsafe(): A
  /**
   * The value now, then each later one. An observer that is slower than the
   * changes skips to the latest. Ends when the owner of the state is gone.
   */
  readonly changes: Stream.Stream<A>
}
