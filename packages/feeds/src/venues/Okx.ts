/**
 * OKX v5. Each update of a book names the one that it follows; checksums ended in June 2026.
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
 * OKX's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: ["https://www.okx.com/docs-v5/en/#overview-websocket-connect"],
  evidence: Kit.evidence({ documented: ["send", "dial", "batch", "perConnection"] }),
  limits: Kit.limits({
    send: [{ limit: 480, window: "1 hour" }],
    dial: { limit: 3, window: "1 second" },
    // The venue limits the bytes alone, to 64 KB.
    batch: { items: 100, bytes: 64_000 },
    // The venue advises fewer than 30 deep books.
    perConnection: { topics: 29, characters: undefined }
  })
}

const names = { trades: "trades", book: "books", ticker: "tickers" } as const

const key: Venue["key"] = ({ channel, symbol }) => `${names[channel]}:${symbol}`

const request =
  (op: "subscribe" | "unsubscribe"): Venue["subscribe"] =>
  (topics, id) => {
    const args = topics.map(({ channel, symbol }) => ({ channel: names[channel], instId: symbol }))
    return [Kit.json({ id: String(id), op, args })]
  }

const classify: Venue["classify"] = (raw) => {
  if (raw === "pong") return Kit.beat
  if (!Kit.isWhole(raw)) return Kit.unknown
  const channel = Kit.valueOf(raw, "channel")
  const symbol = Kit.valueOf(raw, "instId")
  const topic = channel === undefined || symbol === undefined ? undefined : `${channel}:${symbol}`
  const event = raw.startsWith('{"arg"') ? undefined : Kit.valueOf(raw, "event")
  if (event === undefined) return topic === undefined ? Kit.unknown : Kit.data(topic)
  const id = Kit.valueOf(raw, "id")
  if (event === "subscribe" || event === "unsubscribe") return Kit.answer(Subscriptions.ack(id, topic))
  if (event === "error") return Kit.answer(Subscriptions.nack({ id, topics: topic, reason: Kit.valueOf(raw, "msg") }))
  if (event === "notice") return Kit.notice(Kit.valueOf(raw, "code") === "64008" ? "rotate" : "none")
  return event === "channel-conn-count-error" ? Kit.error(Kit.excerpt(raw)) : Kit.notice("none")
}

const decode = Kit.decoder("okx", (frame, { channel }, arrivalTime) => {
  const symbol = frame.object("arg").text("instId")
  const whole = frame.is("action", "snapshot")
  return frame.map("data", (item): FeedEvent => {
    const stamps = { venueTime: item.millis("ts"), arrivalTime }
    switch (channel) {
      case "book":
        return Kit.bookUpdate(stamps, {
          symbol,
          kind: whole ? "snapshot" : "delta",
          bids: item.changes("bids"),
          asks: item.changes("asks"),
          last: item.optionalSequence("seqId"),
          previous: item.optionalSequence("prevSeqId"),
          checksum: item.optionalChecksum("checksum")
        })
      case "trades":
        return tradeOf(item, symbol, stamps)
      case "ticker": {
        const [bid, ask] = [item.quote("bidPx", "bidSz"), item.quote("askPx", "askSz")]
        return Kit.ticker(stamps, symbol, bid, ask, item.quote("last", "lastSz"))
      }
    }
  })
})

const tradeOf = (item: Item, symbol: string, stamps: Stamps) =>
  Kit.trade(stamps, symbol, {
    id: item.text("tradeId"),
    price: item.decimal("px"),
    size: item.decimal("sz"),
    side: item.side("side")
  })

const trades = Kit.trades(
  "okx",
  1,
  (symbol) => `https://www.okx.com/api/v5/market/trades?instId=${symbol}&limit=500`,
  (body, { symbol }, arrivalTime) =>
    body.map("data", (item) => tradeOf(item, symbol, { venueTime: item.millis("ts"), arrivalTime })).toReversed()
)

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options & {
    /** `"checksum"` replays recordings from before sequence numbers. Default: `"sequence"`. */
    readonly proof?: "sequence" | "checksum" | undefined
  } = {}
): Venue =>
  Kit.venue(
    "okx",
    table,
    {
      target: "wss://ws.okx.com/ws/v5/public",
      // The venue closes after 30 quiet seconds.
      heartbeat: Heartbeat.text({ every: "20 seconds" }),
      key,
      subscribe: request("subscribe"),
      unsubscribe: request("unsubscribe"),
      classify,
      beginning: { start: '{"arg":{', end: "}" },
      decode,
      trades,
      choices: { proof: Kit.proofs },
      continuity: Kit.chained(options.proof)
    },
    options
  )
