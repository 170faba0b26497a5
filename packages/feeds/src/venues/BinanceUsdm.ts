/**
 * Binance USD-M futures. Two lines: books and tickers on one, trades on the other.
 * A topic on the wrong line is granted and stays silent.
 *
 * @since 0.1.0
 */
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Binance from "../internal/venue/binance.ts"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Binance USD-M's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: ["https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams"],
  evidence: Kit.evidence({ documented: ["send", "dial", "maxAge"] }),
  limits: Kit.limits({
    send: [{ limit: 10, window: "1 second" }],
    dial: { limit: 300, window: "5 minutes" },
    // As at spot, where longer frames are never answered.
    batch: { items: 200, bytes: 4000 },
    // The venue states 1024; its options state 200, and others keep to that here too.
    perConnection: { topics: 200, characters: undefined },
    maxAge: "24 hours",
    // Of 2400; a snapshot of 1000 levels costs 20.
    rest: { limit: 1600, window: "1 minute", snapshot: 20 }
  })
}

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Venue => {
  // The server pings every 3 minutes and the transport answers.
  const heartbeat = Heartbeat.passive({ idle: "10 minutes" })
  const line = (path: string) =>
    Kit.line(table, { target: `wss://fstream.binance.com/${path}/stream`, heartbeat }, options)
  return Kit.venue(
    "binance-usdm",
    table,
    {
      target: undefined,
      heartbeat,
      lines: { public: line("public"), market: line("market") },
      line: ({ channel }) => (channel === "trades" ? "market" : "public"),
      key: Binance.key,
      subscribe: Binance.request("SUBSCRIBE"),
      unsubscribe: Binance.request("UNSUBSCRIBE"),
      classify: Binance.classify,
      beginning: Binance.beginning,
      decode: Binance.decode("binance-usdm"),
      continuity: {
        sequencer: Sequencer.make("chain", "rest", { bridge: true }),
        bootstrap: "rest",
        snapshotLevels: 1000
      },
      trades: Binance.trades("binance-usdm", "https://fapi.binance.com/fapi/v1/aggTrades", 20),
      snapshot: Binance.snapshot("binance-usdm", "https://fapi.binance.com/fapi/v1/depth", 1000)
    },
    options
  )
}
