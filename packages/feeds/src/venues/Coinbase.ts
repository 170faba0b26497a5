/**
 * Coinbase Advanced Trade. One count runs over all frames of a connection, and a
 * snapshot of a book is several megabytes.
 *
 * @since 0.1.0
 */
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
import type { FeedEvent, Stamps } from "../FeedEvent.ts"
import type { Item } from "../internal/json/item.ts"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Coinbase's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: ["https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-rate-limits"],
  evidence: Kit.evidence({ documented: ["send", "dial"], measured: ["perConnection", "maxMessageSize"] }),
  limits: Kit.limits({
    // The venue takes 8 a second from one address: this leaves room for eight connections.
    send: [{ minGap: "1 second" }],
    dial: { limit: 8, window: "1 second" },
    batch: { items: 30, bytes: undefined },
    perConnection: { topics: 30, characters: undefined },
    // Snapshots of 5 MB were seen.
    maxMessageSize: 16 * 1024 * 1024
  })
}

const names = { trades: "market_trades", book: "level2", ticker: "ticker" } as const

const request =
  (type: "subscribe" | "unsubscribe"): Venue["subscribe"] =>
  (topics) =>
    Kit.byChannel(topics).map(([channel, symbols]) => Kit.json({ type, product_ids: symbols, channel: names[channel] }))

const classify: Venue["classify"] = (raw, wire) => {
  if (!Kit.isWhole(raw)) return Kit.unknown
  const channel = Kit.valueOf(raw, "channel")
  const sequence = Kit.valueOf(raw, "sequence_num")
  if (channel === undefined || sequence === undefined || !/^\d{1,15}$/.test(sequence)) {
    return Kit.valueOf(raw, "type") === "error" ? Kit.error(Kit.excerpt(raw)) : Kit.unknown
  }
  const counted = Kit.count(wire, sequence)
  if (counted === "again") return Kit.unknown
  const gap = counted === "gap"
  if (channel === "heartbeats") return { ...Kit.beat, gap }
  if (channel === "subscriptions") return { ...Kit.answer(Subscriptions.current(subscribed(raw))), gap }
  // One frame may carry events of several products.
  const keys = Kit.valuesOf(raw, "product_id").map(
    (product) => `${channel === "l2_data" ? "level2" : channel}:${product}`
  )
  return keys.length === 0 ? { ...Kit.unknown, gap } : Kit.data(keys, gap)
}

/** The one list that names everything: `"level2":["BTC-USD"]`. */
const subscribed = (raw: string): ReadonlyArray<string> =>
  [...raw.matchAll(/"(level2|ticker|market_trades)":\[([^\]]*)\]/g)].flatMap(([, channel = "", products = ""]) =>
    [...products.matchAll(/"([^"]+)"/g)].map(([, product = ""]) => `${channel}:${product}`)
  )

const decode = Kit.decoder("coinbase", (frame, { channel, symbol }, arrivalTime) => {
  const stamps = { venueTime: frame.isoMillis("timestamp"), arrivalTime }
  const found: Array<FeedEvent> = []
  frame.map("events", (event) => {
    if (channel === "book") {
      if (event.is("product_id", symbol)) found.push(bookOf(event, symbol, stamps))
      return
    }
    const own: Array<FeedEvent> = []
    event.map(channel === "trades" ? "trades" : "tickers", (item) => {
      if (!item.is("product_id", symbol)) return
      own.push(channel === "trades" ? tradeOf(item, symbol, arrivalTime) : tickerOf(item, symbol, stamps))
    })
    // The venue lists the newest trade first.
    found.push(...(channel === "trades" ? own.toReversed() : own))
  })
  return found
})

const bookOf = (event: Item, symbol: string, stamps: Stamps) => {
  const [bids, asks] = event.sides("updates", "side", "bid", "price_level", "new_quantity")
  return Kit.bookUpdate(stamps, { symbol, kind: event.is("type", "snapshot") ? "snapshot" : "delta", bids, asks })
}

const tradeOf = (item: Item, symbol: string, arrivalTime: number) =>
  Kit.trade({ venueTime: item.isoMillis("time"), arrivalTime }, symbol, {
    id: item.text("trade_id"),
    // The venue names the maker's side.
    side: item.side("side") === "buy" ? "sell" : "buy",
    price: item.decimal("price"),
    size: item.decimal("size")
  })

const tickerOf = (item: Item, symbol: string, stamps: Stamps) => {
  const bid = item.quote("best_bid", "best_bid_quantity")
  const ask = item.quote("best_ask", "best_ask_quantity")
  return Kit.ticker(stamps, symbol, bid, ask, item.quote("price"))
}

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Venue =>
  Kit.venue(
    "coinbase",
    table,
    {
      target: "wss://advanced-trade-ws.coinbase.com",
      heartbeat: Heartbeat.passive({ idle: "10 seconds" }),
      // The heartbeats channel keeps quiet topics' connections open.
      open: (session) => session.send(Kit.json({ type: "subscribe", channel: "heartbeats" })),
      key: ({ channel, symbol }) => `${names[channel]}:${symbol}`,
      subscribe: request("subscribe"),
      unsubscribe: request("unsubscribe"),
      classify,
      decode,
      continuity: { sequencer: Sequencer.make("connection", "reconnect") }
    },
    options
  )
