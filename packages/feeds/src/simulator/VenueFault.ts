/**
 * What a simulated venue does wrong, as plain data: a script is a list of faults
 * with the times or the chance at which they strike. One seed gives one history.
 *
 * @since 0.1.0
 */

/**
 * Every fault. Those in the first group spoil one frame of data; those in the
 * second happen to one connection; those in the third to the whole venue.
 *
 * @category models
 * @since 0.1.0
 */
export type VenueFault =
  /** An update is left out, sent twice, or sent after the next one. */
  | { readonly _tag: "Gap" | "Duplicate" | "Swap" }
  /** The next checksum is wrong, where the venue has one. */
  | { readonly _tag: "WrongChecksum" }
  /** A subscription is granted and nothing ever comes. */
  | { readonly _tag: "Silent" }
  /** Subscribing ends the connection without a word. */
  | { readonly _tag: "Poison" }
  /** The connection is cut, or closed if there is a code. */
  | { readonly _tag: "Cut"; readonly code?: number | undefined }
  /** The connection stays open and says nothing for so many milliseconds; what it would have said is lost. */
  | { readonly _tag: "Stall"; readonly millis: number }
  /** The connection is dead both ways, and nobody says so. */
  | { readonly _tag: "HalfOpen" }
  /** The venue does not read for so many milliseconds. */
  | { readonly _tag: "SlowRead"; readonly millis: number }
  /** The venue announces that it will end the connection, and does so a minute later. */
  | { readonly _tag: "Notice" }
  /** Dials are answered with a status for so many milliseconds. */
  | {
      readonly _tag: "RejectDials"
      readonly status: number
      readonly millis: number
      readonly retryAfter?: number | undefined
    }
  /** HTTP requests are answered with a status for so many milliseconds. */
  | {
      readonly _tag: "RejectRequests"
      readonly status: number
      readonly millis: number
      readonly retryAfter?: number | undefined
    }
  /** The numbers of books begin again, where the venue documents how it says so. */
  | { readonly _tag: "Restart" }
  /** Every connection is closed and every dial refused with 503 for so many milliseconds. */
  | { readonly _tag: "Maintenance"; readonly millis: number }

/**
 * A fault and when it strikes. Without any of `at`, `every` and `chance` it
 * strikes at every occasion.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly fault: VenueFault
  /** Milliseconds after the start. A fault of frames then spoils the next frame that fits. */
  readonly at?: ReadonlyArray<number> | undefined
  /** The mean of the waiting times between strikes, in milliseconds. */
  readonly every?: number | undefined
  /**
   * The chance at each occasion: a frame of data for faults of frames and
   * connections, a frame with a checksum for `WrongChecksum`, a subscription for `Silent` and `Poison`, a dial or a request for
   * `RejectDials` and `RejectRequests`.
   */
  readonly chance?: number | undefined
  /** Only these symbols, as the venue spells them. Default: all. */
  readonly symbols?: ReadonlyArray<string> | undefined
  /** Only this channel. Default: all. */
  readonly channel?: "trades" | "book" | "ticker" | undefined
  /** At a time, the share of the open connections that it happens to, at least one. Default: all. */
  readonly share?: number | undefined
}

/**
 * A list of faults.
 *
 * @category models
 * @since 0.1.0
 */
export type Script = ReadonlyArray<Entry>
