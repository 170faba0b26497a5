/**
 * All venues, with what each supports.
 *
 * @since 0.1.0
 */
import type { Limits, Table, Venue } from "./Venue.ts"
import * as BinanceSpot from "./venues/BinanceSpot.ts"
import * as BinanceUsdm from "./venues/BinanceUsdm.ts"
import * as Bitfinex from "./venues/Bitfinex.ts"
import * as Deribit from "./venues/Deribit.ts"
import * as Gate from "./venues/Gate.ts"
import * as Kucoin from "./venues/Kucoin.ts"
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
  "binance-spot": BinanceSpot.make(),
  "binance-usdm": BinanceUsdm.make(),
  "bitfinex": Bitfinex.make(),
  "bitget": Bitget.make(),
  "bybit": Bybit.make(),
  "coinbase": Coinbase.make(),
  "deribit": Deribit.make(),
  "gate": Gate.make(),
  "hyperliquid": Hyperliquid.make(),
  "kraken": Kraken.make(),
  "kucoin": Kucoin.make(),
  "okx": Okx.make()
})

/**
 * What a venue supports, as data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Support {
  readonly venue: string
  readonly channels: ReadonlyArray<string>
  readonly sequence: string
  readonly checksumLevels: number
  readonly bootstrap: "stream" | "rest"
  readonly remedy: string
  readonly dated: string
  /** The numbers of the table that neither the venue nor a measurement gives. */
  readonly assumed: ReadonlyArray<keyof Limits>
}

/**
 * The table of what all venues support.
 *
 * @category getters
 * @since 0.1.0
 */
export const support = (): ReadonlyArray<Support> =>
  Object.values(all()).map(({ channels, continuity, dated, evidence, id }) => ({
    venue: id,
    channels,
    sequence: continuity.sequencer.kind,
    checksumLevels: continuity.checksum?.levels ?? 0,
    bootstrap: continuity.bootstrap ?? "stream",
    remedy: continuity.sequencer.remedy,
    dated,
    assumed: keysOf(evidence).filter((name) => evidence[name] === "assumed")
  }))

const keysOf = (evidence: Table["evidence"]): ReadonlyArray<keyof Limits> =>
  Object.keys(evidence) as ReadonlyArray<keyof Limits>
