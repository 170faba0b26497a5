/**
 * What Binance's spot and USD-M sockets share: the combined stream's frames and
 * their events.
 */
import * as Subscriptions from "kharbranth/Subscriptions"
import type { BookUpdate, Stamps } from "../../FeedEvent.ts"
import type { Venue } from "../../Venue.ts"
import * as Read from "../json/read.ts"
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

const delta = (item: Read.Fields, stamps: Stamps): BookUpdate =>
  Kit.bookUpdate(stamps, {
    symbol: Read.string(item["s"]),
    kind: "delta",
    bids: Read.changes(item["b"]),
    asks: Read.changes(item["a"]),
    first: Read.sequence(item["U"]),
    last: Read.sequence(item["u"]),
    previous: Read.optional(Read.sequence, item["pu"])
  })

export const decode = (venue: string): Venue["decode"] =>
  Kit.decoder(venue, (frame, topic, arrivalTime) => {
    const item = Read.fields(Read.fields(frame)["data"])
    const symbol = Read.string(item["s"])
    const stamps = { venueTime: Read.millis(item["T"] ?? item["E"]), arrivalTime }
    if (topic.channel === "book") return [delta(item, stamps)]
    if (topic.channel === "ticker") {
      const bid = Kit.quote(Read.decimal(item["b"]), Read.decimal(item["B"]))
      const ask = Kit.quote(Read.decimal(item["a"]), Read.decimal(item["A"]))
      return [Kit.ticker(stamps, symbol, bid, ask, undefined)]
    }
    return [tradeOf(item, symbol, stamps)]
  })

const tradeOf = (item: Read.Fields, symbol: string, stamps: Stamps) => {
  const [id, price, size] = [Read.decimal(item["a"]), Read.decimal(item["p"]), Read.decimal(item["q"])]
  // `m`: the buyer was the maker.
  return Kit.trade(stamps, symbol, { id, side: item["m"] === true ? "sell" : "buy", price, size })
}

export const trades = (venue: string, base: string, weight: number) =>
  Kit.trades(
    venue,
    weight,
    (symbol, { id }) => `${base}?symbol=${symbol}&fromId=${Number(id) + 1}&limit=1000`,
    (body, { symbol }, arrivalTime) =>
      Read.list(body).map((entry) => {
        const item = Read.fields(entry)
        return tradeOf(item, symbol, { venueTime: Read.millis(item["T"]), arrivalTime })
      })
  )

export const snapshot = (venue: string, base: string) =>
  Kit.snapshot(
    venue,
    (symbol) => `${base}?symbol=${symbol}&limit=1000`,
    (body, topic, arrivalTime) => {
      const item = Read.fields(body)
      return Kit.bookUpdate(
        { venueTime: Read.millis(item["T"]), arrivalTime },
        {
          symbol: topic.symbol,
          kind: "snapshot",
          bids: Read.changes(item["bids"]),
          asks: Read.changes(item["asks"]),
          last: Read.sequence(item["lastUpdateId"])
        }
      )
    }
  )
