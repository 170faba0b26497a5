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

/**
 * The trades of a symbol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const trades = (symbol: string): Topic<"trades"> => ({ channel: "trades", symbol })

/**
 * The order book of a symbol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const book = (symbol: string): Topic<"book"> => ({ channel: "book", symbol })

/**
 * The best bid, best ask and last price of a symbol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ticker = (symbol: string): Topic<"ticker"> => ({ channel: "ticker", symbol })

/**
 * A topic of this venue, for a feed that has several.
 *
 * @example
 * ```ts
 * import * as Topic from "@kharbranth/feeds/Topic"
 * import { deepStrictEqual } from "node:assert"
 *
 * const topic = Topic.at("kraken", Topic.trades("BTC/USD"))
 * deepStrictEqual(topic, { channel: "trades", symbol: "BTC/USD", venue: "kraken" })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const at = <C extends Channel>(venue: string, topic: Topic<C>): Topic<C> => ({ ...topic, venue })
