/**
 * Hyperliquid. Every frame of a book is whole. One unknown coin closes the socket
 * without a word, so a topic that does that must be kept away from the others.
 *
 * @since 0.1.0
 */
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Hyperliquid's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: ["https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits"],
  evidence: Kit.evidence({ documented: ["send", "dial", "batch", "perConnection"] }),
  limits: Kit.limits({
    // 2000 a minute from one address, shared by the ten connections that it may have.
    send: [{ limit: 200, window: "1 minute" }],
    dial: { limit: 30, window: "1 minute" },
    batch: { items: 1, bytes: undefined },
    // 1000 from one address, over all its connections.
    perConnection: { topics: 1000, characters: undefined }
  })
}

const names = { trades: "trades", book: "l2Book", ticker: "bbo" } as const

const request =
  (method: "subscribe" | "unsubscribe"): Venue["subscribe"] =>
  (topics) =>
    topics.map(({ channel, symbol }) => {
      const fast = channel === "book" ? { fast: true } : {}
      return Kit.json({ method, subscription: { type: names[channel], coin: symbol, ...fast } })
    })

const classify: Venue["classify"] = (raw) => {
  if (!Kit.isWhole(raw)) return Kit.unknown
  const channel = Kit.valueOf(raw, "channel")
  if (channel === "pong") return Kit.beat
  if (channel === "error") return Kit.answer(Subscriptions.nack({ reason: Kit.excerpt(raw) }))
  const coin = Kit.valueOf(raw, "coin")
  if (channel === undefined || coin === undefined) return Kit.unknown
  if (channel !== "subscriptionResponse") return Kit.data(`${channel}:${coin}`)
  return Kit.answer(Subscriptions.ack(undefined, `${Kit.valueOf(raw, "type") ?? ""}:${coin}`))
}

const decode = Kit.decoder("hyperliquid", (frame, topic, arrivalTime) => {
  if (topic.channel === "trades") {
    return frame.map("data", (item) =>
      Kit.trade({ venueTime: item.millis("time"), arrivalTime }, item.text("coin"), {
        id: item.optionalDecimal("tid"),
        side: item.is("side", "B") ? "buy" : "sell",
        price: item.decimal("px"),
        size: item.decimal("sz")
      })
    )
  }
  const data = frame.object("data")
  const symbol = data.text("coin")
  const stamps = { venueTime: data.millis("time"), arrivalTime }
  if (topic.channel === "ticker") {
    const sides = data.list("bbo")
    const [bid, ask] = [0, 1].map((side) => (sides.isMissing(side) ? undefined : sides.object(side).quote("px", "sz")))
    return [Kit.ticker(stamps, symbol, bid, ask, undefined)]
  }
  const sides = data.list("levels")
  const [bids, asks] = [sides.changes(0, "px", "sz"), sides.changes(1, "px", "sz")]
  return [Kit.bookUpdate(stamps, { symbol, kind: "snapshot", bids, asks, last: data.sequence("time") })]
})

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Venue =>
  Kit.venue(
    "hyperliquid",
    table,
    {
      target: "wss://api.hyperliquid.xyz/ws",
      heartbeat: Heartbeat.json({
        make: () => ({ method: "ping" }),
        match: (message) => Kit.fieldOf(message, "channel") === "pong",
        contains: '"pong"'
      }),
      key: ({ channel, symbol }) => `${names[channel]}:${symbol}`,
      subscribe: request("subscribe"),
      unsubscribe: request("unsubscribe"),
      classify,
      decode,
      continuity: { sequencer: Sequencer.make("whole", "ignore") },
      blame: (close) => (close.code === 1006 ? "quarantine" : Kit.blame(close))
    },
    options
  )
