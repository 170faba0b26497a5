/** The rules of each venue, by its id. */
import type { VenueId } from "../Simulator.ts"
import type { Rules } from "./engine/rules.ts"
import { binanceSpot } from "./venues/binanceSpot.ts"
import { kraken } from "./venues/kraken.ts"

const all: Readonly<Record<VenueId, Rules>> = { "binance-spot": binanceSpot, "kraken": kraken }

export const rulesOf = (venue: VenueId): Rules => all[venue]
