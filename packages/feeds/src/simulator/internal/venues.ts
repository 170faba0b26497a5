/** The rules of each venue, by its id. */
import type { VenueId } from "../Simulator.ts"
import type { Rules } from "./engine/rules.ts"
import { binanceSpot } from "./venues/binanceSpot.ts"
import { binanceUsdm } from "./venues/binanceUsdm.ts"
import { bybit } from "./venues/bybit.ts"
import { coinbase } from "./venues/coinbase.ts"
import { kraken } from "./venues/kraken.ts"
import { kucoin } from "./venues/kucoin.ts"
import { okx } from "./venues/okx.ts"

const all: Readonly<Record<VenueId, Rules>> = {
  "binance-spot": binanceSpot,
  "binance-usdm": binanceUsdm,
  bybit,
  coinbase,
  kraken,
  kucoin,
  okx
}

export const rulesOf = (venue: VenueId): Rules => all[venue]
