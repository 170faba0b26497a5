/**
 * What a venue's frames say, in one form for all venues: trades, tickers and
 * changes of books. Prices and sizes are the venue's decimal text and a number.
 *
 * @since 0.1.0
 */
import type { Sequence } from "./Sequencer.ts"
import type { Channel } from "./Topic.ts"

/**
 * When a frame was made and when it came, in Unix milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stamps {
  /** By the venue's clock; `undefined` where the venue does not say. */
  readonly venueTime: number | undefined
  /** By this machine's clock. */
  readonly arrivalTime: number
}

/**
 * The same, and when the event was handed to its reader: the difference from
 * `arrivalTime` is how long it waited for that reader.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delivered extends Stamps {
  /** By this machine's clock; the arrival time until a feed has delivered it. */
  readonly deliveryTime: number
}

/**
 * One trade. `side` is that of the taker.
 *
 * @category models
 * @since 0.1.0
 */
export interface Trade extends Delivered {
  readonly _tag: "Trade"
  readonly symbol: string
  readonly id: string | undefined
  readonly side: "buy" | "sell"
  readonly price: number
  readonly priceText: string
  readonly size: number
  readonly sizeText: string
  /** It was fetched over HTTP after a gap. */
  readonly backfilled: boolean
}

/**
 * A price with what it offers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Quote {
  readonly price: number
  readonly priceText: string
  readonly size: number | undefined
  readonly sizeText: string | undefined
}

/**
 * Best bid, best ask and last price; a part that the venue left out of this frame is `undefined`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ticker extends Delivered {
  readonly _tag: "Ticker"
  readonly symbol: string
  readonly bid: Quote | undefined
  readonly ask: Quote | undefined
  readonly last: Quote | undefined
}

/**
 * Levels of one side, as three lists of one length. A size of zero removes a level.
 *
 * @category models
 * @since 0.1.0
 */
export interface Changes {
  readonly values: ReadonlyArray<number>
  readonly prices: ReadonlyArray<string>
  readonly sizes: ReadonlyArray<string>
  /** The number of each change, where the venue gives one. */
  readonly sequences?: ReadonlyArray<Sequence> | undefined
}

/**
 * A whole book or changes to it, with whatever the venue numbers it by.
 *
 * @category models
 * @since 0.1.0
 */
export interface BookUpdate extends Delivered {
  readonly _tag: "BookUpdate"
  readonly symbol: string
  readonly kind: "snapshot" | "delta"
  readonly bids: Changes
  readonly asks: Changes
  /** The first sequence number that the frame covers. */
  readonly first: Sequence | undefined
  /** The last sequence number that the frame covers. */
  readonly last: Sequence | undefined
  /** The sequence number that this frame follows. */
  readonly previous: Sequence | undefined
  /** The venue's checksum of the book after this frame, as an unsigned 32-bit number. */
  readonly checksum: number | undefined
}

/**
 * Everything that venues say, of whatever venue.
 *
 * @category models
 * @since 0.1.0
 */
export type FeedEvent = Trade | Ticker | BookUpdate

/**
 * The events of a channel.
 *
 * @category type-level
 * @since 0.1.0
 */
export type EventOf<C extends Channel> = {
  readonly trades: Trade
  readonly book: BookUpdate
  readonly ticker: Ticker
}[C]

/**
 * Why events are missing, or why what is known of a topic cannot be believed.
 *
 * - `sequence`, `checksum`, `crossed`, `malformed`, `overflow`: a book says so.
 * - `coverage`: prices have left the part of the book that its snapshot showed.
 * - `connection`: the venue's count of the whole connection has a hole.
 * - `disconnected`: the socket is gone. `resubscribed`: the venue dropped the topic.
 * - `silent`: the venue granted the topic and sends nothing. `rejected`: it refused it.
 * - `quarantined`: sessions ended whenever the venue was asked for the topic, so it is not asked for a while.
 * - `maintenance`: the venue says that it works on itself.
 * - `asked`: you asked for a fresh start.
 *
 * @category models
 * @since 0.1.0
 */
export type Reason =
  | "sequence"
  | "checksum"
  | "crossed"
  | "malformed"
  | "overflow"
  | "coverage"
  | "disconnected"
  | "connection"
  | "resubscribed"
  | "silent"
  | "rejected"
  | "quarantined"
  | "maintenance"
  | "asked"

/**
 * Events of this topic may be missing here.
 *
 * @category markers
 * @since 0.1.0
 */
export interface Gap {
  readonly _tag: "Gap"
  readonly reason: Reason
  /** When the last event before it came, in Unix milliseconds, if one did. */
  readonly from: number | undefined
  readonly to: number
}

/**
 * From here on the topic is not up to date, until `Resynced`.
 *
 * @category markers
 * @since 0.1.0
 */
export interface Stale {
  readonly _tag: "Stale"
  readonly reason: Reason
  /** In Unix milliseconds. */
  readonly since: number
  /** The venue's own words, where it gave any. */
  readonly detail: string | undefined
}

/**
 * The topic is up to date again.
 *
 * @category markers
 * @since 0.1.0
 */
export interface Resynced {
  readonly _tag: "Resynced"
  readonly at: number
  /** How long it was stale, in milliseconds. */
  readonly after: number
}

/**
 * This reader was too slow: so many events were dropped here.
 *
 * @category markers
 * @since 0.1.0
 */
export interface Lagged {
  readonly _tag: "Lagged"
  readonly dropped: number
}

/**
 * What stands between events.
 *
 * @category markers
 * @since 0.1.0
 */
export type Marker = Gap | Stale | Resynced | Lagged
