/**
 * Binance spot. Books start from a snapshot over HTTP; updates cover ranges of numbers.
 *
 * @since 0.1.0
 */
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Binance from "../internal/venue/binance.ts"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Binance spot's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: [
    "https://github.com/binance/binance-spot-api-docs/blob/master/web-socket-streams.md",
    "https://github.com/nautechsystems/nautilus_trader/issues/5012"
  ],
  evidence: Kit.evidence({ documented: ["dial", "perConnection", "maxAge"], measured: ["send", "batch"] }),
  limits: Kit.limits({
    // The venue takes 5 in any second, pongs counted. One in 250 ms was cut, one in 500 ms was not.
    send: [{ minGap: "500 millis", pongs: true }],
    dial: { limit: 300, window: "5 minutes" },
    // A frame of 4088 bytes was answered; one of 4106 was not, ever.
    batch: { items: 200, bytes: 4000 },
    perConnection: { topics: 1024, characters: undefined },
    maxAge: "24 hours",
    // Of 6000; a snapshot of 1000 levels costs 50.
    rest: { limit: 4000, window: "1 minute", snapshot: 50 }
  })
}

/** What a snapshot of so many levels costs of the venue's limit. */
const weights = { 100: 5, 500: 25, 1000: 50, 5000: 250 } as const

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options & {
    /** Levels of a snapshot: fewer cost less of the venue's limit, so more books are right sooner. Default: 1000. */
    readonly levels?: keyof typeof weights | undefined
  } = {}
): Venue => {
  const { levels = 1000 } = options
  const rest = { ...table.limits.rest, snapshot: weights[levels] }
  return Kit.venue(
    "binance-spot",
    table,
    {
      target: "wss://stream.binance.com:9443/stream",
      // The server pings every 20 seconds and the transport answers.
      heartbeat: Heartbeat.passive({ idle: "60 seconds" }),
      key: Binance.key,
      subscribe: Binance.request("SUBSCRIBE"),
      unsubscribe: Binance.request("UNSUBSCRIBE"),
      classify: Binance.classify,
      beginning: Binance.beginning,
      decode: Binance.decode("binance-spot"),
      continuity: { sequencer: Sequencer.make("range", "rest"), bootstrap: "rest", snapshotLevels: levels },
      choices: { levels: Object.keys(weights).map(Number) },
      trades: Binance.trades("binance-spot", "https://api.binance.com/api/v3/aggTrades", 4),
      snapshot: Binance.snapshot("binance-spot", "https://api.binance.com/api/v3/depth", levels)
    },
    { ...options, limits: { rest, ...options.limits } }
  )
}
