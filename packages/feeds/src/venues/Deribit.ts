/**
 * Deribit. Each update of a book names the one that it follows. A second
 * subscription on one socket sends no snapshot: unsubscribe first.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
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

const decode = Kit.decoder("deribit", (frame, topic, arrivalTime) => {
  const params = frame.object("params")
  if (topic.channel === "trades") {
    return params.map("data", (item) =>
      Kit.trade({ venueTime: item.millis("timestamp"), arrivalTime }, item.text("instrument_name"), {
        id: item.text("trade_id"),
        side: item.side("direction"),
        price: item.decimal("price"),
        size: item.decimal("amount")
      })
    )
  }
  const item = params.object("data")
  const symbol = item.text("instrument_name")
  const stamps = { venueTime: item.millis("timestamp"), arrivalTime }
  if (topic.channel === "ticker") {
    const bid = item.quote("best_bid_price", "best_bid_amount")
    const ask = item.quote("best_ask_price", "best_ask_amount")
    return [Kit.ticker(stamps, symbol, bid, ask, item.quote("last_price"))]
  }
  return [
    Kit.bookUpdate(stamps, {
      symbol,
      kind: item.is("type", "snapshot") ? "snapshot" : "delta",
      bids: item.changes("bids", 1, 2),
      asks: item.changes("asks", 1, 2),
      last: item.sequence("change_id"),
      previous: item.optionalSequence("prev_change_id")
    })
  ]
})

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
      beginning: { start: '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"', end: '"' },
      decode,
      choices: { interval: ["100ms", "raw"] },
      continuity: { sequencer: Sequencer.make("chain", "resubscribe") }
    },
    options
  )
}
