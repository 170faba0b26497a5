/**
 * All venues, with what each supports.
 *
 * @since 0.1.0
 */
import type { Venue } from "./Venue.ts"
import * as Bitget from "./venues/Bitget.ts"
import * as Bybit from "./venues/Bybit.ts"
import * as Coinbase from "./venues/Coinbase.ts"
import * as Hyperliquid from "./venues/Hyperliquid.ts"
import * as Kraken from "./venues/Kraken.ts"
import * as Okx from "./venues/Okx.ts"

/**
 * Each venue with its default options, by id.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all = (): Readonly<Record<string, Venue>> => ({
  bitget: Bitget.make(),
  bybit: Bybit.make(),
  coinbase: Coinbase.make(),
  hyperliquid: Hyperliquid.make(),
  kraken: Kraken.make(),
  okx: Okx.make()
})
