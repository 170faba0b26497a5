/**
 * Kraken spot, WebSocket v2. Books carry a checksum of ten levels and no numbers.
 *
 * @since 0.1.0
 */
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as Checksum from "../Checksum.ts"
import type { FeedEvent } from "../FeedEvent.ts"
import * as Item from "../internal/json/item.ts"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Kraken's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: [
    "https://docs.kraken.com/api/docs/guides/spot-ratelimits",
    "https://docs.kraken.com/api/docs/websocket-v2/book"
  ],
  evidence: Kit.evidence({ documented: ["dial"] }),
  limits: Kit.limits({
    // The venue's limit moves with its load and has no number.
    send: [{ limit: 10, window: "1 second" }],
    dial: { limit: 150, window: "10 minutes" },
    batch: { items: 100, bytes: undefined },
    perConnection: { topics: 200, characters: undefined }
  })
}

const channels = { trades: "trade", book: "book", ticker: "ticker" } as const

const request =
  (method: "subscribe" | "unsubscribe", depth: number): Venue["subscribe"] =>
  (topics, id) =>
    Kit.byChannel(topics).map(([channel, symbol]) =>
      Kit.json({
        method,
        params: { channel: channels[channel], symbol, ...(channel === "book" && { depth }) },
        req_id: id
      })
    )

const classify: Venue["classify"] = (raw) => {
  if (!Kit.isWhole(raw)) return Kit.unknown
  const method = raw.startsWith('{"channel"') ? undefined : Kit.valueOf(raw, "method")
  if (method === "pong") return Kit.beat
  if (method !== undefined) return answered(raw)
  const channel = Kit.valueOf(raw, "channel")
  if (channel === "heartbeat") return Kit.beat
  if (channel === "status") return Kit.notice("none")
  const symbol = Kit.valueOf(raw, "symbol")
  return channel === undefined || symbol === undefined ? Kit.unknown : Kit.data(`${channel}:${symbol}`)
}

const answered = (raw: string) => {
  const symbol = Kit.valueOf(raw, "symbol")
  const channel = Kit.valueOf(raw, "channel")
  const topics = symbol === undefined || channel === undefined ? undefined : `${channel}:${symbol}`
  const id = Kit.valueOf(raw, "req_id")
  if (Kit.valueOf(raw, "success") === "true") return Kit.answer(Subscriptions.ack(id, topics))
  // A refusal names the symbol only; the request's id says which of its channels it was.
  const refused = symbol === undefined ? undefined : Object.values(channels).map((name) => `${name}:${symbol}`)
  return Kit.answer(Subscriptions.nack({ id, topics: refused, reason: Kit.valueOf(raw, "error") }))
}

const decode = Kit.decoder("kraken", (frame, { channel }, arrivalTime) => {
  const kind = frame.is("type", "snapshot") ? "snapshot" : "delta"
  return frame.map("data", (item): FeedEvent => {
    const symbol = item.text("symbol")
    const stamps = { venueTime: item.isoMillis("timestamp"), arrivalTime }
    switch (channel) {
      case "book":
        return Kit.bookUpdate(stamps, {
          symbol,
          kind,
          bids: levels(item, "bids"),
          asks: levels(item, "asks"),
          checksum: item.checksum("checksum")
        })
      case "trades":
        return Kit.trade(stamps, symbol, {
          id: item.optionalDecimal("trade_id"),
          side: item.side("side"),
          price: item.decimal("price"),
          size: item.decimal("qty")
        })
      case "ticker": {
        const [bid, ask] = [item.quote("bid", "bid_qty"), item.quote("ask", "ask_qty")]
        return Kit.ticker(stamps, symbol, bid, ask, item.quote("last"))
      }
    }
  })
})

/** A side that did not change may be left out. */
const levels = (item: Item.Item, side: string) =>
  item.isMissing(side) ? Item.noChanges() : item.changes(side, "price", "qty")

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options & {
    /** Levels of a book: 10, 25, 100, 500 or 1000. Default: 10, all of which the checksum proves. */
    readonly depth?: 10 | 25 | 100 | 500 | 1000 | undefined
  } = {}
): Venue => {
  const depth = options.depth ?? 10
  const heartbeat = Heartbeat.json({
    make: (id) => ({ method: "ping", req_id: id }),
    match: (message, id) => Kit.fieldOf(message, "req_id") === id,
    contains: '"pong"',
    onlyWhenIdle: true
  })
  return Kit.venue(
    "kraken",
    table,
    {
      target: "wss://ws.kraken.com/v2",
      heartbeat,
      key: (topic) => `${channels[topic.channel]}:${topic.symbol}`,
      subscribe: request("subscribe", depth),
      unsubscribe: request("unsubscribe", depth),
      classify,
      decode,
      choices: { depth: [10, 25, 100, 500, 1000] },
      continuity: { sequencer: Sequencer.make("none", "resubscribe"), checksum: Checksum.kraken, depth }
    },
    options
  )
}
