/**
 * What a venue's frames say, in one form for all venues: trades, tickers and
 * changes of books. Prices and sizes are the venue's decimal text and a number.
 *
 * @since 0.1.0
 */
import type { Sequence } from "./Sequencer.ts"

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
 * One trade. `side` is that of the taker.
 *
 * @category models
 * @since 0.1.0
 */
export interface Trade extends Stamps {
  readonly _tag: "Trade"
  readonly symbol: string
  readonly id: string | undefined
  readonly side: "buy" | "sell"
  readonly price: number
  readonly priceText: string
  readonly size: number
  readonly sizeText: string
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
export interface Ticker extends Stamps {
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
export interface BookUpdate extends Stamps {
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
 * @category models
 * @since 0.1.0
 */
export type FeedEvent = Trade | Ticker | BookUpdate
