/**
 * What you subscribe to at a venue: trades, book or ticker of one symbol, spelled
 * as that venue spells it.
 *
 * @since 0.1.0
 */

/**
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
export interface Topic {
  readonly channel: Channel
  readonly symbol: string
}

/**
 * The trades of a symbol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const trades = (symbol: string): Topic => ({ channel: "trades", symbol })

/**
 * The order book of a symbol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const book = (symbol: string): Topic => ({ channel: "book", symbol })

/**
 * The best bid, best ask and last price of a symbol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ticker = (symbol: string): Topic => ({ channel: "ticker", symbol })
