/**
 * Deribit. Each update of a book names the one that it follows. A second
 * subscription on one socket sends no snapshot: unsubscribe first.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as Read from "../internal/json/read.ts"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Deribit's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: [
    "https://docs.deribit.com/articles/rate-limits",
    "https://docs.deribit.com/articles/connection-management-best-practices"
  ],
  evidence: Kit.evidence({ documented: ["send", "batch"] }),
  limits: Kit.limits({
    // 30,000 credits that refill by 10,000 a second; a subscribe frame costs 3,000.
    send: [{ limit: 10, window: "3 seconds" }],
    // The venue limits open connections to 32, not dials.
    dial: { limit: 30, window: "1 minute" },
    batch: { items: 500, bytes: undefined },
    perConnection: { topics: 500, characters: undefined }
  })
}

const names = { trades: "trades", book: "book", ticker: "ticker" } as const

const request =
  (method: "subscribe" | "unsubscribe", key: Venue["key"]): Venue["subscribe"] =>
  (topics, id) => [Kit.json({ jsonrpc: "2.0", id, method: `public/${method}`, params: { channels: topics.map(key) } })]

const classify: Venue["classify"] = (raw) => {
  if (!Kit.isWhole(raw)) return Kit.unknown
  const method = Kit.valueOf(raw, "method")
  if (method === "heartbeat") return Kit.beat
  if (method === "subscription") {
    const channel = Kit.valueOf(raw, "channel")
    return channel === undefined ? Kit.unknown : Kit.data(channel)
  }
  const id = Kit.valueOf(raw, "id")
  const reason = Kit.valueOf(raw, "message")
  if (raw.includes('"error":')) return Kit.answer(Subscriptions.nack({ id, reason }))
  const granted = /"result":\[([^\]]*)\]/.exec(raw)?.[1]
  if (granted === undefined) return id === undefined ? Kit.unknown : Kit.notice("none")
  // The venue lists what it granted, and says nothing of a channel that it does not know.
  const channels = [...granted.matchAll(/"([^"]+)"/g)].map(([, channel = ""]) => channel)
  return Kit.answer(Subscriptions.answer({ id, granted: channels, reason: "the venue does not list it" }))
}

const decode = Kit.decoder(
  "deribit",
  (frame, topic, arrivalTime) => {
    const data = Read.fields(Read.fields(frame)["params"])["data"]
    if (topic.channel === "trades") {
      return Read.list(data).map((entry) => {
        const item = Read.fields(entry)
        const stamps = { venueTime: Read.millis(item["timestamp"]), arrivalTime }
        return Kit.trade(stamps, Read.string(item["instrument_name"]), {
          id: Read.string(item["trade_id"]),
          side: Read.side(item["direction"]),
          price: Read.decimal(item["price"]),
          size: Read.decimal(item["amount"])
        })
      })
    }
    const item = Read.fields(data)
    const symbol = Read.string(item["instrument_name"])
    const stamps = { venueTime: Read.millis(item["timestamp"]), arrivalTime }
    if (topic.channel === "ticker") {
      const bid = Kit.quoteOf(item, "best_bid_price", "best_bid_amount")
      const ask = Kit.quoteOf(item, "best_ask_price", "best_ask_amount")
      return [Kit.ticker(stamps, symbol, bid, ask, Kit.quoteOf(item, "last_price"))]
    }
    return [
      Kit.bookUpdate(stamps, {
        symbol,
        kind: item["type"] === "snapshot" ? "snapshot" : "delta",
        bids: Read.changes(item["bids"], 1, 2),
        asks: Read.changes(item["asks"], 1, 2),
        last: Read.sequence(item["change_id"]),
        previous: Read.optional(Read.sequence, item["prev_change_id"])
      })
    ]
  },
  "raw"
)

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options & {
    /** How often the venue sends. `"raw"` needs a login. Default: `"100ms"`. */
    readonly interval?: "100ms" | "raw" | undefined
  } = {}
): Venue => {
  const key: Venue["key"] = ({ channel, symbol }) => `${names[channel]}.${symbol}.${options.interval ?? "100ms"}`
  const ask = Kit.json({ jsonrpc: "2.0", id: 1, method: "public/set_heartbeat", params: { interval: 30 } })
  return Kit.venue(
    "deribit",
    table,
    {
      target: "wss://streams.deribit.com/ws/api/v2",
      heartbeat: Heartbeat.challengeJson({
        match: (message) =>
          (message as { readonly params?: { readonly type?: unknown } } | null)?.params?.type === "test_request",
        reply: () => ({ jsonrpc: "2.0", id: 2, method: "public/test", params: {} }),
        contains: '"test_request"',
        idle: "60 seconds"
      }),
      open: (session) =>
        Effect.andThen(session.send(ask), Effect.asVoid(session.receive((text) => Kit.valueOf(text, "id") === "1"))),
      key,
      subscribe: request("subscribe", key),
      unsubscribe: request("unsubscribe", key),
      classify,
      decode,
      continuity: { sequencer: Sequencer.make("chain", "resubscribe") }
    },
    options
  )
}
