/**
 * Bitfinex v2. A session gives topics ids of its own, one count runs over all its
 * frames, and books carry a checksum.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Checksum from "../Checksum.ts"
import type { Stamps } from "../FeedEvent.ts"
import * as Item from "../internal/json/item.ts"
import { eventOf } from "../internal/venue/bitfinexEvents.ts"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Bitfinex's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: ["https://docs.bitfinex.com/docs/ws-general", "https://docs.bitfinex.com/docs/ws-public"],
  evidence: Kit.evidence({ documented: ["dial", "batch", "perConnection"] }),
  limits: Kit.limits({
    // The venue states no limit.
    send: [{ minGap: "100 millis" }],
    dial: { limit: 20, window: "1 minute" },
    batch: { items: 1, bytes: undefined },
    // One page states 25, another 30, and 36 were granted.
    perConnection: { topics: 25, characters: undefined }
  })
}

/** Numbers on every frame, and checksums of books. */
const flags = 65_536 + 131_072

const names = { trades: "trades", book: "book", ticker: "ticker" } as const

const key: Venue["key"] = ({ channel, symbol }) => `${names[channel]}:${symbol}`

const subscribe: Venue["subscribe"] = (topics) =>
  topics.map(({ channel, symbol }) => {
    const book = channel === "book" ? { prec: "P0", freq: "F0", len: "100" } : {}
    return Kit.json({ event: "subscribe", channel: names[channel], symbol, ...book })
  })

const unsubscribe: Venue["unsubscribe"] = (topics, _id, wire) =>
  topics.flatMap((topic) => {
    const id = wire.ids.get(key(topic))
    return id === undefined ? [] : [Kit.json({ event: "unsubscribe", chanId: Number(id) })]
  })

const classify: Venue["classify"] = (raw, wire) => {
  if (!Kit.isWhole(raw)) return Kit.unknown
  if (!raw.startsWith("[")) return eventOf(raw, wire)
  const id = raw.slice(1, raw.indexOf(","))
  const number = raw.slice(raw.lastIndexOf(",") + 1, -1)
  const topic = wire.keys.get(id)
  // A frame that was cut has no number at its end, and the next one shows the gap.
  const counting = wire.sequence !== undefined
  if (counting && !/^\d{1,15}$/.test(number)) return Kit.unknown
  const counted = counting ? Kit.count(wire, number) : "next"
  if (counted === "again") return Kit.unknown
  const gap = counted === "gap"
  if (raw.startsWith(',"hb"', id.length + 1)) return { ...Kit.beat, gap }
  return topic === undefined ? { ...Kit.unknown, gap } : Kit.data(topic, gap)
}

const decode = Kit.decoder("bitfinex", (frame, topic, arrivalTime) => {
  const stamps = { venueTime: undefined, arrivalTime }
  if (topic.channel === "book") return [bookOf(frame, topic.symbol, stamps)]
  if (topic.channel === "ticker") {
    const body = frame.list(1)
    const [bid, ask] = [body.quote(0, 1), body.quote(2, 3)]
    return [Kit.ticker(stamps, topic.symbol, bid, ask, body.quote(6))]
  }
  // A trade comes twice, as executed and as updated: the first is enough.
  if (!frame.isText(1)) return frame.map(1, (trade) => tradeOf(trade, topic.symbol, arrivalTime))
  return frame.is(1, "te") ? [tradeOf(frame.list(2), topic.symbol, arrivalTime)] : []
})

const tradeOf = (trade: Item.Item, symbol: string, arrivalTime: number) => {
  const { negative, size } = Item.signed(trade.decimal(2))
  const part = { id: trade.decimal(0), side: negative ? "sell" : "buy", price: trade.decimal(3), size } as const
  return Kit.trade({ venueTime: trade.millis(1), arrivalTime }, symbol, part)
}

const bookOf = (frame: Item.Item, symbol: string, stamps: Stamps) => {
  const [bids, asks] = [Item.noChanges(), Item.noChanges()]
  if (frame.is(1, "cs")) {
    return Kit.bookUpdate(stamps, { symbol, kind: "delta", bids, asks, checksum: frame.checksum(2) })
  }
  const body = frame.list(1)
  const add = (level: Item.Item) => {
    const { negative, size } = Item.signed(level.decimal(2))
    Item.addChange(negative ? asks : bids, level.decimal(0), Number(level.decimal(1)) === 0 ? "0" : size)
  }
  const whole = body.isEmpty() || body.isList(0)
  if (whole) body.each(add)
  else add(body)
  return Kit.bookUpdate(stamps, { symbol, kind: whole ? "snapshot" : "delta", bids, asks })
}

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Venue =>
  Kit.venue(
    "bitfinex",
    table,
    {
      target: "wss://api-pub.bitfinex.com/ws/2",
      heartbeat: Heartbeat.passive({ idle: "35 seconds" }),
      open: (session) =>
        Effect.andThen(
          session.send(Kit.json({ event: "conf", flags })),
          Effect.asVoid(session.receive((text) => Kit.valueOf(text, "event") === "conf"))
        ),
      key,
      subscribe,
      unsubscribe,
      classify,
      decode,
      continuity: { sequencer: Sequencer.make("connection", "reconnect"), checksum: Checksum.bitfinex }
    },
    options
  )
