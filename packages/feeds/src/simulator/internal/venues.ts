/** The rules of each venue, by its id. */
import type { VenueId } from "../Simulator.ts"
import type { Rules } from "./engine/rules.ts"
import { binanceSpot } from "./venues/binance/spot.ts"
import { binanceUsdm } from "./venues/binance/usdm.ts"
import { bitfinex } from "./venues/bitfinex.ts"
import { bitget } from "./venues/bitget.ts"
import { bybit } from "./venues/bybit.ts"
import { coinbase } from "./venues/coinbase.ts"
import { deribit } from "./venues/deribit.ts"
import { gate } from "./venues/gate.ts"
import { hyperliquid } from "./venues/hyperliquid.ts"
import { kraken } from "./venues/kraken.ts"
import { kucoin } from "./venues/kucoin.ts"
import { okx } from "./venues/okx.ts"

const all: Readonly<Record<VenueId, Rules>> = {
  "binance-spot": binanceSpot,
  "binance-usdm": binanceUsdm,
  bitfinex,
  bitget,
  bybit,
  coinbase,
  deribit,
  gate,
  hyperliquid,
  kraken,
  kucoin,
  okx
}

export const rulesOf = (venue: VenueId): Rules => all[venue]
