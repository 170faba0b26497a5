/**
 * Bybit v5. Books count up by one per topic; data may come before its ack.
 *
 * @since 0.1.0
 */
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
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
  if (topic.channel === "trades") {
    return frame.map("data", (item) =>
      Kit.trade({ venueTime: item.millis("T"), arrivalTime }, item.text("s"), {
        side: item.side("S"),
        size: item.decimal("v"),
        price: item.decimal("p"),
        id: item.text("i")
      })
    )
  }
  const stamps = { venueTime: frame.millis("ts"), arrivalTime }
  const item = frame.object("data")
  if (topic.channel === "ticker") {
    const bid = item.quote("bid1Price", "bid1Size")
    const ask = item.quote("ask1Price", "ask1Size")
    return [Kit.ticker(stamps, item.text("symbol"), bid, ask, item.quote("lastPrice"))]
  }
  const last = item.sequence("u")
  return [
    Kit.bookUpdate(stamps, {
      symbol: item.text("s"),
      // The number 1 is a restart of the service: the frame is whole.
      kind: frame.is("type", "snapshot") || last === 1 ? "snapshot" : "delta",
      bids: item.changes("b"),
      asks: item.changes("a"),
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
      body
        .object("result")
        .map("list", (item) =>
          Kit.trade({ venueTime: item.millis("time"), arrivalTime }, symbol, {
            id: item.text("execId"),
            side: item.side("side"),
            price: item.decimal("price"),
            size: item.decimal("size")
          })
        )
        .toReversed()
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
      beginning: { start: '{"topic":"', end: '"' },
      decode,
      choices: { category: ["spot", "linear", "inverse"], depth: [1, 50, 200, 1000] },
      trades: trades(options.category ?? "spot"),
      continuity: { sequencer: Sequencer.make(depth === 1 ? "whole" : "counter", "resubscribe") }
    },
    options
  )
}
