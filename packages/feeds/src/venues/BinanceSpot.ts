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

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Venue =>
  Kit.venue(
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
      decode: Binance.decode("binance-spot"),
      continuity: { sequencer: Sequencer.make("range", "rest"), bootstrap: "rest", snapshotLevels: 1000 },
      trades: Binance.trades("binance-spot", "https://api.binance.com/api/v3/aggTrades", 4),
      snapshot: Binance.snapshot("binance-spot", "https://api.binance.com/api/v3/depth")
    },
    options
  )
