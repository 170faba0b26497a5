/**
 * What you subscribe to at a venue: trades, book or ticker of one symbol, spelled
 * as that venue spells it.
 *
 * @since 0.1.0
 */

/**
 * What can be subscribed of a symbol.
 *
 * @category models
 * @since 0.1.0
 */
export type Channel = "trades" | "book" | "ticker"

/**
 * A channel of one symbol.
 *
 * @category models
 * @since 0.1.0
 */
export interface Topic<out C extends Channel = Channel> {
  readonly channel: C
  readonly symbol: string
  /** The venue's id; needed where a feed has several venues. */
  readonly venue?: string | undefined
}

const topic = <C extends Channel>(channel: C, symbol: string, venue: string | undefined): Topic<C> =>
  venue === undefined ? { channel, symbol } : { channel, symbol, venue }

/**
 * The trades of a symbol.
 *
 * @example
 * ```ts
 * import * as Topic from "@kharbranth/feeds/Topic"
 * import { deepStrictEqual } from "node:assert"
 *
 * deepStrictEqual(Topic.trades("BTC/USD", "kraken"), { channel: "trades", symbol: "BTC/USD", venue: "kraken" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const trades = (symbol: string, venue?: string): Topic<"trades"> => topic("trades", symbol, venue)

/**
 * The order book of a symbol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const book = (symbol: string, venue?: string): Topic<"book"> => topic("book", symbol, venue)

/**
 * The best bid, best ask and last price of a symbol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ticker = (symbol: string, venue?: string): Topic<"ticker"> => topic("ticker", symbol, venue)
