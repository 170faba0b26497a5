/** Kraken spot, WebSocket v2: one answer per symbol, a heartbeat each second, and a checksum of ten levels. */
import type { Connection, Encode, Rules, Topic, Venue, Wanted } from "../engine/rules.ts"
import type { Window } from "../engine/view.ts"
import type { Instrument } from "../market/instrument.ts"
import type { Level } from "../market/side.ts"
import * as Crc32 from "../wire/crc32.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

const price: Rules["price"] = ({ asset }, ticks) => Decimal.fixed(ticks, asset.priceDigits)
const size: Rules["size"] = ({ asset }, lots) => Decimal.padded(lots, asset.sizeDigits, 8)

/** Outside of books, numbers lose their zeros, and tiny ones have an exponent of two digits. */
const number = (steps: number, digits: number): string => Decimal.printed(steps, digits).replace(/e-(\d)$/, "e-0$1")

const depths = new Set([10, 25, 100, 500, 1000])

const bare = (text: string): string => text.replace(".", "").replace(/^0+/, "")

const checksum = (instrument: Instrument, { asks, bids }: Window): number =>
  Crc32.unsigned(
    [...asks.slice(0, 10), ...bids.slice(0, 10)]
      .map(([ticks, lots]) => bare(price(instrument, ticks)) + bare(size(instrument, lots)))
      .join("")
  )

const levels = (instrument: Instrument, side: ReadonlyArray<Level>): string =>
  `[${side.map(([ticks, lots]) => `{"price":${price(instrument, ticks)},"qty":${size(instrument, lots)}}`).join(",")}]`

const book = (topic: Topic, type: "snapshot" | "update", changes: Window): Encode => {
  const { at, instrument, view } = topic
  const sum = checksum(instrument, view?.window ?? changes)
  const write = (sum: number) =>
    `{"channel":"book","type":"${type}","data":[{"symbol":"${instrument.symbol}","bids":${levels(instrument, changes.bids)},` +
    `"asks":${levels(instrument, changes.asks)},"checksum":${sum},"timestamp":"${Json.iso(at)}"}]}`
  const right = Json.once(() => write(sum))
  return (_, wrong) => (wrong ? write((sum + 1) >>> 0) : right())
}

const ticker = ({ instrument }: Topic, type: "snapshot" | "update", at: number): Encode => {
  const { asks, asset, bids, day, lastTrade, symbol } = instrument
  const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
  const [cost, amount] = [
    (ticks: number) => number(ticks, asset.priceDigits),
    (lots: number) => number(lots, asset.sizeDigits)
  ]
  return Json.once(
    () =>
      `{"channel":"ticker","type":"${type}","data":[{"symbol":"${symbol}","bid":${cost(bid)},"bid_qty":${amount(bids.at(bid))},` +
      `"ask":${cost(ask)},"ask_qty":${amount(asks.at(ask))},"last":${cost(lastTrade.ticks)},"volume":${amount(day.lots)},` +
      `"vwap":${cost(lastTrade.ticks)},"low":${cost(day.low)},"high":${cost(day.high)},"change":0.0,"change_pct":0.0,` +
      `"timestamp":"${Json.iso(at)}"}]}`
  )
}

const wanted = (channel: string, symbol: string, depth: number, venue: Venue): Wanted | undefined => {
  const instrument = venue.instrument(symbol)
  if (instrument === undefined) return undefined
  const form = channel
  if (channel === "book") return { key: `book-${depth}:${symbol}`, channel, instrument, form, depth, pushed: "untold" }
  return { key: `${channel}:${symbol}`, channel: channel === "trade" ? "trades" : "ticker", instrument, form }
}

const times = (venue: Venue): string => `"time_in":"${Json.iso(venue.now)}","time_out":"${Json.iso(venue.now)}"`

const subscription = (connection: Connection, request: Json.Fields, text: string, venue: Venue): void => {
  const { method, req_id: id } = request
  const params = Json.fields(request["params"]) ?? {}
  const refuse = (error: string, symbol?: string) =>
    venue.say(
      connection,
      `{"error":"${error}","method":"${String(method)}"${Json.member("req_id", id)},"success":false${Json.member("symbol", symbol)},${times(venue)}}`
    )
  const channel = String(params["channel"])
  const symbols = Json.texts(params["symbol"])
  const depth = Number(params["depth"] ?? 10)
  if (!["book", "trade", "ticker"].includes(channel)) return refuse("Channel not supported")
  if (symbols === undefined || symbols.length === 0) return refuse("Symbol(s) missing")
  if (channel === "book" && !depths.has(depth)) return refuse("Subscription depth not supported")
  for (const symbol of symbols) {
    const found = wanted(channel, symbol, depth, venue)
    if (found === undefined) {
      refuse(`Currency pair not supported ${symbol}`, symbol)
      continue
    }
    const grant = () => {
      const result = `{"channel":"${channel}","symbol":"${symbol}"${channel === "book" ? `,"depth":${depth}` : ""}${method === "subscribe" ? `,"snapshot":${shows(params, channel)}` : ""}}`
      venue.say(
        connection,
        `{"method":"${String(method)}","result":${result},"success":true,${times(venue)}${Json.member("req_id", id)}}`
      )
    }
    if (method === "unsubscribe") {
      if (venue.unsubscribe(connection, found.key) === undefined) refuse("Subscription Not Found", symbol)
      else grant()
      continue
    }
    const refusal = venue.subscribe(connection, found, text)
    if (refusal === "poisoned") return
    if (refusal !== undefined) {
      refuse(
        refusal === "again" ? "Already subscribed to one or more subscriptions" : "Subscription limit reached",
        symbol
      )
      continue
    }
    grant()
    if (shows(params, channel)) show(connection, found.key, venue)
  }
}

/** Trades of before come only to those who ask for them. */
const shows = (params: Json.Fields, channel: string): boolean => (params["snapshot"] ?? channel !== "trade") === true

const show = (connection: Connection, key: string, venue: Venue): void => {
  const topic = connection.topics.get(key)?.topic
  if (topic === undefined) return
  if (topic.channel === "book")
    venue.show(connection, topic, book(topic, "snapshot", topic.view?.window ?? { bids: [], asks: [] }))
  else if (topic.channel === "ticker") venue.show(connection, topic, ticker(topic, "snapshot", venue.now))
}

export const kraken: Rules = {
  id: "kraken",
  hosts: ["ws.kraken.com", "api.kraken.com"],
  numbers: {
    dials: { limit: 150, window: 600_000, status: 429, ban: 600_000 },
    inbound: { limit: 20, window: 1000, control: false, penalty: 0, answer: `{"Error":"Exceeded msg rate"}` },
    beat: 1000,
    quiet: 60_000,
    topicsPerConnection: 1000
  },
  symbol: ({ base }) => `${base}/USD`,
  price,
  size,
  dial: ({ pathname }) => (pathname === "/v2" ? undefined : 404),
  opened: (connection, venue) => {
    const status = `{"version":"2.0.10","system":"online","api_version":"v2","connection_id":${1_000_000 + connection.id}}`
    venue.say(connection, `{"channel":"status","type":"update","data":[${status}]}`)
    venue.beat(connection, () => {
      if (connection.topics.size > 0) venue.say(connection, `{"channel":"heartbeat"}`)
    })
  },
  received: (connection, text, venue) => {
    const request = Json.parse(text)
    switch (request?.["method"]) {
      case "ping":
        return venue.say(connection, `{"method":"pong"${Json.member("req_id", request["req_id"])},${times(venue)}}`)
      case "subscribe":
      case "unsubscribe":
        return subscription(connection, request, text, venue)
      default:
        venue.violate(connection, "malformed", "no known method", text)
        venue.say(connection, `{"error":"Malformed request","success":false,${times(venue)}}`)
    }
  },
  sums: "updates",
  update: (topic, update) => book(topic, "update", update),
  traded: ({ instrument }, trades) => {
    const { priceDigits, sizeDigits } = instrument.asset
    const list = trades.map(
      ({ at, id, lots, side, ticks }) =>
        `{"symbol":"${instrument.symbol}","side":"${side}","price":${number(ticks, priceDigits)},"qty":${number(lots, sizeDigits)},` +
        `"ord_type":"market","trade_id":${id},"timestamp":"${Json.iso(at)}"}`
    )
    return Json.once(() => `{"channel":"trade","type":"update","data":[${list.join(",")}]}`)
  },
  quoted: (topic, at) => ticker(topic, "update", at),
  maintenance: (connection, venue) =>
    venue.say(connection, `{"channel":"status","type":"update","data":[{"system":"maintenance","api_version":"v2"}]}`),
  request: () => undefined
}
