/**
 * Bitget v2. Each update of a book names the one that it follows; older recordings carry a checksum.
 *
 * @since 0.1.0
 */
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
import type { FeedEvent, Stamps } from "../FeedEvent.ts"
import type { Item } from "../internal/json/item.ts"
import * as Kit from "../internal/venue/kit.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Bitget's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: ["https://www.bitget.com/api-doc/common/websocket-intro"],
  evidence: Kit.evidence({ documented: ["send", "dial", "perConnection", "maxAge"], measured: ["batch"] }),
  limits: Kit.limits({
    send: [
      { limit: 10, window: "1 second" },
      { limit: 240, window: "1 hour" }
    ],
    dial: { limit: 300, window: "5 minutes" },
    // The bytes are documented. A frame of 20 topics worked; one of 25 cut the socket.
    batch: { items: 20, bytes: 4096 },
    // The venue grants 1000 and advises fewer than 50.
    perConnection: { topics: 49, characters: undefined },
    maxAge: "24 hours"
  })
}

const names = { trades: "trade", book: "books", ticker: "ticker" } as const

const request =
  (op: "subscribe" | "unsubscribe", instType: string): Venue["subscribe"] =>
  (topics) => [
    Kit.json({ op, args: topics.map(({ channel, symbol }) => ({ instType, channel: names[channel], instId: symbol })) })
  ]

const classify: Venue["classify"] = (raw) => {
  if (raw === "pong") return Kit.beat
  if (!Kit.isWhole(raw)) return Kit.unknown
  const parts = ["instType", "channel", "instId"].map((name) => Kit.valueOf(raw, name))
  const topic = parts.includes(undefined) ? undefined : parts.join(":")
  if (raw.startsWith('{"action"')) return topic === undefined ? Kit.unknown : Kit.data(topic)
  const event = Kit.valueOf(raw, "event")
  if (event === "subscribe" || event === "unsubscribe") return Kit.answer(Subscriptions.ack(undefined, topic))
  if (event === "error") return Kit.answer(Subscriptions.nack({ topics: topic, reason: Kit.valueOf(raw, "msg") }))
  return event === undefined && topic !== undefined ? Kit.data(topic) : Kit.unknown
}

const decode = Kit.decoder("bitget", (frame, { channel }, arrivalTime) => {
  const symbol = frame.object("arg").text("instId")
  const whole = frame.is("action", "snapshot")
  return frame.map("data", (item): FeedEvent => {
    if (channel === "trades") return tradeOf(item, symbol, arrivalTime)
    const stamps = { venueTime: item.millis("ts"), arrivalTime }
    if (channel === "ticker") return tickerOf(item, symbol, stamps)
    return Kit.bookUpdate(stamps, {
      symbol,
      kind: whole ? "snapshot" : "delta",
      bids: item.changes("bids"),
      asks: item.changes("asks"),
      last: item.optionalSequence("seq"),
      previous: item.optionalSequence("pseq"),
      checksum: item.optionalChecksum("checksum")
    })
  })
})

const tradeOf = (item: Item, symbol: string, arrivalTime: number) => {
  // The older socket lists a trade as time, price, size and side.
  const [ts, price, size, side] = item.isA("list") ? [0, 1, 2, 3] : ["ts", "price", "size", "side"]
  const stamps = { venueTime: item.millis(ts), arrivalTime }
  const id = item.optionalDecimal("tradeId")
  return Kit.trade(stamps, symbol, { id, side: item.side(side), price: item.decimal(price), size: item.decimal(size) })
}

const tickerOf = (item: Item, symbol: string, stamps: Stamps) => {
  const bid = item.quote("bidPr", "bidSz") ?? item.quote("bestBid", "bidSz")
  const ask = item.quote("askPr", "askSz") ?? item.quote("bestAsk", "askSz")
  return Kit.ticker(stamps, symbol, bid, ask, item.quote("lastPr") ?? item.quote("last"))
}

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options & {
    /** Which products, as the venue spells them. Default: `"SPOT"`. */
    readonly instType?: string | undefined
    /** `"checksum"` replays recordings from before sequence numbers. Default: `"sequence"`. */
    readonly proof?: "sequence" | "checksum" | undefined
  } = {}
): Venue => {
  const instType = options.instType ?? "SPOT"
  return Kit.venue(
    "bitget",
    table,
    {
      target: "wss://ws.bitget.com/v2/ws/public",
      heartbeat: Heartbeat.text({ every: "30 seconds" }),
      key: ({ channel, symbol }) => `${instType}:${names[channel]}:${symbol}`,
      subscribe: request("subscribe", instType),
      unsubscribe: request("unsubscribe", instType),
      classify,
      beginning: { start: '{"action":"', end: "}" },
      decode,
      choices: { instType: "text", proof: Kit.proofs },
      continuity: Kit.chained(options.proof)
    },
    options
  )
}
