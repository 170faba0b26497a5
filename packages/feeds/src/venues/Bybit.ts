/**
 * Bybit v5. Books count up by one per topic; data may come before its ack.
 *
 * @since 0.1.0
 */
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as Read from "../internal/json/read.ts"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Bybit's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: ["https://bybit-exchange.github.io/docs/v5/ws/connect"],
  evidence: Kit.evidence({ documented: ["dial", "batch", "perConnection"] }),
  limits: Kit.limits({
    // The venue states no limit.
    send: [{ minGap: "100 millis" }],
    dial: { limit: 500, window: "5 minutes" },
    // Spot's limit; the other products state none.
    batch: { items: 10, bytes: undefined },
    perConnection: { topics: undefined, characters: 21_000 }
  })
}

const request =
  (op: "subscribe" | "unsubscribe", key: Venue["key"]): Venue["subscribe"] =>
  (topics, id) => [Kit.json({ req_id: String(id), op, args: topics.map(key) })]

const classify: Venue["classify"] = (raw) => {
  if (!Kit.isWhole(raw)) return Kit.unknown
  const topic = Kit.valueOf(raw, "topic")
  if (topic !== undefined) return Kit.data(topic)
  const op = Kit.valueOf(raw, "op")
  const message = Kit.valueOf(raw, "ret_msg")
  if (op === "pong" || message === "pong") return Kit.beat
  if (op !== "subscribe" && op !== "unsubscribe") return message === undefined ? Kit.unknown : Kit.error(message)
  // Some lines leave the id out or empty: the answer is then for the oldest request.
  const id = Kit.valueOf(raw, "req_id") || undefined
  const granted = Kit.valueOf(raw, "success") === "true" || message?.includes("already subscribed") === true
  return Kit.answer(granted ? Subscriptions.ack(id) : Subscriptions.nack({ id, reason: message }))
}

const decode = Kit.decoder("bybit", (frame, topic, arrivalTime) => {
  const root = Read.fields(frame)
  const venueTime = Read.millis(root["ts"])
  const stamps = { venueTime, arrivalTime }
  if (topic.channel === "trades") {
    return Read.list(root["data"]).map((entry) => {
      const item = Read.fields(entry)
      const at = { venueTime: Read.millis(item["T"]), arrivalTime }
      const side = Read.side(item["S"])
      const [price, size] = [Read.decimal(item["p"]), Read.decimal(item["v"])]
      return Kit.trade(at, Read.string(item["s"]), { id: Read.string(item["i"]), side, price, size })
    })
  }
  const item = Read.fields(root["data"])
  if (topic.channel === "ticker") {
    const bid = Kit.quoteOf(item, "bid1Price", "bid1Size")
    const ask = Kit.quoteOf(item, "ask1Price", "ask1Size")
    const last = Kit.quoteOf(item, "lastPrice")
    return [Kit.ticker(stamps, Read.string(item["symbol"]), bid, ask, last)]
  }
  const last = Read.sequence(item["u"])
  return [
    Kit.bookUpdate(stamps, {
      symbol: Read.string(item["s"]),
      // The number 1 is a restart of the service: the frame is whole.
      kind: root["type"] === "snapshot" || last === 1 ? "snapshot" : "delta",
      bids: Read.changes(item["b"]),
      asks: Read.changes(item["a"]),
      last
    })
  ]
})

const trades = (category: string) =>
  Kit.trades(
    "bybit",
    1,
    (symbol) => `https://api.bybit.com/v5/market/recent-trade?category=${category}&symbol=${symbol}&limit=60`,
    (body, { symbol }, arrivalTime) =>
      Read.list(Read.fields(Read.fields(body)["result"])["list"])
        .toReversed()
        .map((entry) => {
          const item = Read.fields(entry)
          const [price, size] = [Read.decimal(item["price"]), Read.decimal(item["size"])]
          const stamps = { venueTime: Read.millis(item["time"]), arrivalTime }
          return Kit.trade(stamps, symbol, {
            id: Read.string(item["execId"]),
            side: Read.side(item["side"]),
            price,
            size
          })
        })
  )

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options & {
    /** Which products. Default: `"spot"`. */
    readonly category?: "spot" | "linear" | "inverse" | undefined
    /** Levels of a book. Default: 200. */
    readonly depth?: 1 | 50 | 200 | 1000 | undefined
  } = {}
): Venue => {
  const depth = options.depth ?? 200
  const names = { trades: "publicTrade", book: `orderbook.${depth}`, ticker: "tickers" }
  const key: Venue["key"] = ({ channel, symbol }) => `${names[channel]}.${symbol}`
  return Kit.venue(
    "bybit",
    table,
    {
      target: `wss://stream.bybit.com/v5/public/${options.category ?? "spot"}`,
      heartbeat: Heartbeat.json({
        make: (id) => ({ req_id: String(id), op: "ping" }),
        match: (message) => ["op", "ret_msg"].some((name) => Kit.fieldOf(message, name) === "pong"),
        contains: '"pong"'
      }),
      key,
      subscribe: request("subscribe", key),
      unsubscribe: request("unsubscribe", key),
      classify,
      decode,
      trades: trades(options.category ?? "spot"),
      continuity: { sequencer: Sequencer.make(depth === 1 ? "whole" : "counter", "resubscribe") }
    },
    options
  )
}
