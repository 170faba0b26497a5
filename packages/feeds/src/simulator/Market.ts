/**
 * The market behind a simulated venue: symbols whose prices walk at random and
 * whose books grow and shrink. A seed and a time give the price, so venues that
 * share a seed agree about it.
 *
 * @since 0.1.0
 */
import { listed } from "./internal/market/assets.ts"

/**
 * What is traded. Prices and sizes are whole numbers of the smallest step.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asset {
  /** The name that a venue's symbol is made of, such as `"BTC"`. */
  readonly base: string
  /** Where its price starts. */
  readonly price: number
  /** Digits after the point of a price. */
  readonly priceDigits: number
  /** Digits after the point of a size. */
  readonly sizeDigits: number
}

/**
 * Options of a market.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** What all prices come from. Default: the simulator's seed. */
  readonly seed?: number | undefined
  /** What is traded, or how many of `assets`. Default: 10. */
  readonly assets?: number | ReadonlyArray<Asset> | undefined
  /** Book updates per symbol and second, on average. Default: 2. */
  readonly updates?: number | undefined
  /** Trades per symbol and second, on average. Default: 0.5. */
  readonly trades?: number | undefined
  /** About how many levels a side of a book has. Default: 150. */
  readonly levels?: number | undefined
  /** Every so often, in milliseconds, updates come `factor` times as fast for a while. Default: never. */
  readonly bursts?: { readonly every: number; readonly lasts: number; readonly factor: number } | undefined
  /** Where the numbers of updates begin; beyond 2^53 they are exact too. Default: about a billion. */
  readonly sequence?: bigint | undefined
}

/**
 * The first assets of the list that markets take by default: well-known names, one
 * with prices such as `0.00000812`, one whose price is seven of the smallest steps
 * so that few bids fit below it, then made-up names.
 *
 * @example
 * ```ts
 * import * as Market from "@kharbranth/feeds/simulator/Market"
 * import { deepStrictEqual } from "node:assert"
 *
 * deepStrictEqual(Market.assets(2).map(({ base }) => base), ["BTC", "ETH"])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const assets = (count: number): ReadonlyArray<Asset> => listed(count)
