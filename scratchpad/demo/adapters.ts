/** The adapters of the demo's venues, and how each spells an asset. */
import type { Venue } from "@kharbranth/feeds/Venue"
import * as BinanceSpot from "@kharbranth/feeds/venues/BinanceSpot"
import * as Bybit from "@kharbranth/feeds/venues/Bybit"
import * as Coinbase from "@kharbranth/feeds/venues/Coinbase"
import * as Kraken from "@kharbranth/feeds/venues/Kraken"
import * as Okx from "@kharbranth/feeds/venues/Okx"
import type { VenueId } from "./wire.ts"

export const adapters: Readonly<Record<VenueId, () => Venue>> = {
  // Every cut costs forty snapshots.
  "binance-spot": () => BinanceSpot.make({ levels: 100 }),
  "bybit": Bybit.make,
  "okx": Okx.make,
  "coinbase": Coinbase.make,
  "kraken": Kraken.make
}

/** What is subscribed at the real venues with `--live`. */
export const liveAssets = ["BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK", "AVAX"] as const

export const spelled: Readonly<Record<VenueId, (asset: string) => string>> = {
  "binance-spot": (asset) => `${asset}USDT`,
  "bybit": (asset) => `${asset}USDT`,
  "okx": (asset) => `${asset}-USDT`,
  "coinbase": (asset) => `${asset}-USD`,
  "kraken": (asset) => `${asset}/USD`
}
