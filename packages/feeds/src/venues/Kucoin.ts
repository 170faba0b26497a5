/**
 * KuCoin spot. The address comes with a token from an HTTP request for each dial;
 * books start from a snapshot over HTTP.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as Item from "../internal/json/item.ts"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * KuCoin's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: ["https://www.kucoin.com/docs-new/rate-limit"],
  evidence: Kit.evidence({ documented: ["send", "dial", "batch", "perConnection", "maxAge"] }),
  limits: Kit.limits({
    send: [{ limit: 100, window: "10 seconds" }],
    dial: { limit: 30, window: "1 minute" },
    batch: { items: 100, bytes: undefined },
    perConnection: { topics: 400, characters: undefined },
    maxAge: "24 hours",
    rest: { limit: 1500, window: "30 seconds", snapshot: 3 }
  })
}

const names = { trades: "/market/match", book: "/market/level2", ticker: "/market/ticker" } as const

const request =
  (type: "subscribe" | "unsubscribe"): Venue["subscribe"] =>
  (topics, id) =>
    Kit.byChannel(topics).map(([channel, symbols]) =>
      Kit.json({ id: String(id), type, topic: `${names[channel]}:${symbols.join(",")}`, response: true })
    )

const classify: Venue["classify"] = (raw) => {
  if (!Kit.isWhole(raw)) return Kit.unknown
  const topic = Kit.valueOf(raw, "topic")
  // Only messages name a topic. Matches have a type of their own, which may stand before the frame's.
  if (topic !== undefined) return Kit.data(topic)
  const type = Kit.valueOf(raw, "type")
  const id = Kit.valueOf(raw, "id")
  if (type === "ack") return Kit.answer(Subscriptions.ack(id))
  if (type === "error") return Kit.answer(Subscriptions.nack({ id, reason: Kit.valueOf(raw, "data") }))
  if (type === "pong") return Kit.beat
  return type === "welcome" ? Kit.notice("none") : Kit.unknown
}

const changes = (sides: Item.Item, side: string) => {
  const found = { ...Item.noChanges(), sequences: Array<Sequencer.Sequence>() }
  sides.map(side, (level) => {
    // A price of zero only advances the count.
    if (Number(level.decimal(0)) === 0) return
    level.addTo(found, 0, 1)
    found.sequences.push(level.sequence(2))
  })
  return found
}

const decode = Kit.decoder("kucoin", (frame, topic, arrivalTime) => {
  const item = frame.object("data")
  if (topic.channel === "ticker") {
    const bid = item.quote("bestBid", "bestBidSize")
    const ask = item.quote("bestAsk", "bestAskSize")
    const stamps = { venueTime: item.millis("time") ?? item.millis("Time"), arrivalTime }
    return [Kit.ticker(stamps, topic.symbol, bid, ask, item.quote("price", "size"))]
  }
  const symbol = item.text("symbol")
  if (topic.channel === "trades") {
    const stamps = { venueTime: Number(item.decimal("time")) / 1e6, arrivalTime }
    const [id, side] = [item.text("tradeId"), item.side("side")]
    return [Kit.trade(stamps, symbol, { id, side, price: item.decimal("price"), size: item.decimal("size") })]
  }
  const sides = item.object("changes")
  return [
    Kit.bookUpdate(
      { venueTime: item.millis("time"), arrivalTime },
      {
        symbol,
        kind: "delta",
        bids: changes(sides, "bids"),
        asks: changes(sides, "asks"),
        first: item.sequence("sequenceStart"),
        last: item.sequence("sequenceEnd")
      }
    )
  ]
})

const snapshot = Kit.snapshot(
  "kucoin",
  (symbol) => `https://api.kucoin.com/api/v3/market/orderbook/level2?symbol=${symbol}`,
  (body, { symbol }, arrivalTime) => {
    const item = body.object("data")
    const [bids, asks] = [item.changes("bids"), item.changes("asks")]
    const stamps = { venueTime: item.millis("time"), arrivalTime }
    return Kit.bookUpdate(stamps, { symbol, kind: "snapshot", bids, asks, last: item.sequence("sequence") })
  }
)

/** A token opens connections for a day. */
const address = Kit.addressOf("kucoin", (body, arrivalTime) => {
  const data = body.object("data")
  const endpoint = data.list("instanceServers").object(0).text("endpoint")
  const query = `token=${encodeURIComponent(data.text("token"))}&connectId=${arrivalTime}`
  return { url: `${endpoint}?${query}`, expiresAt: arrivalTime + 23 * 3_600_000 }
})

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Venue =>
  Kit.venue(
    "kucoin",
    table,
    {
      target: undefined,
      address: { method: "POST", url: "https://api.kucoin.com/api/v1/bullet-public", decode: address },
      heartbeat: Heartbeat.json({
        make: (id) => ({ id: String(id), type: "ping" }),
        match: (message) => Kit.fieldOf(message, "type") === "pong",
        contains: '"pong"',
        every: "18 seconds"
      }),
      open: (session) => Effect.asVoid(session.receive((text) => text.includes('"welcome"'))),
      key: ({ channel, symbol }) => `${names[channel]}:${symbol}`,
      subscribe: request("subscribe"),
      unsubscribe: request("unsubscribe"),
      classify,
      beginning: { start: '{"topic":"', end: '"' },
      decode,
      continuity: { sequencer: Sequencer.make("range", "rest"), bootstrap: "rest" },
      snapshot,
      blame: (close) => (/token|\b401\b/i.test(close.reason) ? "refreshTarget" : Kit.blame(close))
    },
    options
  )
