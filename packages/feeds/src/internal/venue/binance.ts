/**
 * What Binance's spot and USD-M sockets share: the combined stream's frames and
 * their events.
 */
import * as Subscriptions from "kharbranth/Subscriptions"
import type { BookUpdate, Stamps } from "../../FeedEvent.ts"
import type { Venue } from "../../Venue.ts"
import type { Item } from "../json/item.ts"
import * as Kit from "./kit.ts"

const names = { trades: "aggTrade", book: "depth@100ms", ticker: "bookTicker" } as const

export const key: Venue["key"] = ({ channel, symbol }) => `${symbol.toLowerCase()}@${names[channel]}`

export const request =
  (method: "SUBSCRIBE" | "UNSUBSCRIBE"): Venue["subscribe"] =>
  (topics, id) => [Kit.json({ method, params: topics.map(key), id })]

export const classify: Venue["classify"] = (raw) => {
  if (!Kit.isWhole(raw)) return Kit.unknown
  if (raw.includes("serverShutdown")) return Kit.notice("rotate")
  const stream = raw.startsWith('{"stream"') ? Kit.valueOf(raw, "stream") : undefined
  if (stream !== undefined) return Kit.data(stream)
  const id = Kit.valueOf(raw, "id")
  if (raw.includes('"result":')) return Kit.answer(Subscriptions.ack(id))
  const reason = Kit.valueOf(raw, "msg")
  return reason === undefined ? Kit.unknown : Kit.answer(Subscriptions.nack({ id, reason }))
}

export const beginning: Venue["beginning"] = { start: '{"stream":"', end: '"' }

const delta = (item: Item, stamps: Stamps): BookUpdate =>
  Kit.bookUpdate(stamps, {
    symbol: item.text("s"),
    kind: "delta",
    bids: item.changes("b"),
    asks: item.changes("a"),
    first: item.sequence("U"),
    last: item.sequence("u"),
    previous: item.optionalSequence("pu")
  })

export const decode = (venue: string): Venue["decode"] =>
  Kit.decoder(venue, (frame, topic, arrivalTime) => {
    const item = frame.object("data")
    const symbol = item.text("s")
    const stamps = { venueTime: item.millis("T") ?? item.millis("E"), arrivalTime }
    if (topic.channel === "book") return [delta(item, stamps)]
    if (topic.channel === "ticker") {
      const bid = item.quote("b", "B")
      const ask = item.quote("a", "A")
      return [Kit.ticker(stamps, symbol, bid, ask, undefined)]
    }
    return [tradeOf(item, symbol, stamps)]
  })

const tradeOf = (item: Item, symbol: string, stamps: Stamps) => {
  const [id, price, size] = [item.decimal("a"), item.decimal("p"), item.decimal("q")]
  // `m`: the buyer was the maker.
  return Kit.trade(stamps, symbol, { id, side: item.isTrue("m") ? "sell" : "buy", price, size })
}

export const trades = (venue: string, base: string, weight: number) =>
  Kit.trades(
    venue,
    weight,
    (symbol, { id }) => `${base}?symbol=${symbol}&fromId=${Number(id) + 1}&limit=1000`,
    (body, { symbol }, arrivalTime) =>
      body.each((item) => tradeOf(item, symbol, { venueTime: item.millis("T"), arrivalTime }))
  )

export const snapshot = (venue: string, base: string, levels: number) =>
  Kit.snapshot(
    venue,
    (symbol) => `${base}?symbol=${symbol}&limit=${levels}`,
    (body, topic, arrivalTime) => {
      return Kit.bookUpdate(
        { venueTime: body.millis("T"), arrivalTime },
        {
          symbol: topic.symbol,
          kind: "snapshot",
          bids: body.changes("bids"),
          asks: body.changes("asks"),
          last: body.sequence("lastUpdateId")
        }
      )
    }
  )
