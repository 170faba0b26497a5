/**
 * Hyperliquid: whole books at a fixed pace, few connections, and a coin that it
 * does not know ends the connection without a word.
 */
import type { Connection, Encode, Rules, Topic, Venue, Wanted } from "../engine/rules.ts"
import type { Instrument, Trade } from "../market/instrument.ts"
import type { Level } from "../market/side.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

const withPoint = (text: string): string => (text.includes(".") ? text : `${text}.0`)

const price: Rules["price"] = ({ asset }, ticks) => withPoint(Decimal.trimmed(ticks, asset.priceDigits))
const size: Rules["size"] = ({ asset }, lots) => withPoint(Decimal.trimmed(lots, asset.sizeDigits))

/** How often a book comes, and how deep it is. */
const paces = { fast: { every: 540, depth: 5 }, slow: { every: 5400, depth: 20 } } as const

const level = (instrument: Instrument, [ticks, lots]: Level): string =>
  `{"px":"${price(instrument, ticks)}","sz":"${size(instrument, lots)}","n":${1 + (lots % 5)}}`

const book = (topic: Topic): Encode => {
  const { at, form, instrument, view } = topic
  const { asks, bids } = view?.window ?? { asks: [], bids: [] }
  const [high, low] = [bids, asks].map((side) => `[${side.map((found) => level(instrument, found)).join(",")}]`)
  const fast = form === "fast" ? `,"fast":true` : ""
  return () =>
    `{"channel":"l2Book","data":{"coin":"${instrument.symbol}","time":${at},"levels":[${high},${low}]${fast}}}`
}

const context = ({ instrument }: Topic): Encode => {
  const { asks, bids, day, lastTrade, symbol } = instrument
  const [open, mark, bid, ask] = [day.open, lastTrade.ticks, bids.best ?? 0, asks.best ?? 0].map((ticks) =>
    price(instrument, ticks)
  )
  return Json.once(
    () =>
      `{"channel":"activeAssetCtx","data":{"coin":"${symbol}","ctx":{"dayNtlVlm":"0.0","prevDayPx":"${open}","markPx":"${mark}","midPx":"${bid}",` +
      `"oraclePx":"${mark}","funding":"0.0000125","openInterest":"0.0","premium":"0.0","impactPxs":["${bid}","${ask}"]}}}`
  )
}

const ticker = (topic: Topic, at: number): Encode => (topic.form === "bbo" ? bbo(topic, at) : context(topic))

const bbo = ({ instrument }: Topic, at: number): Encode => {
  const { asks, bids, symbol } = instrument
  const [bid, ask] = [bids.top(1)[0], asks.top(1)[0]].map((found) =>
    found === undefined ? "null" : level(instrument, found)
  )
  return Json.once(() => `{"channel":"bbo","data":{"coin":"${symbol}","time":${at},"bbo":[${bid},${ask}]}}`)
}

const tradesOf = ({ instrument }: Topic, trades: ReadonlyArray<Trade>): Encode => {
  const list = trades.map(
    ({ at, id, lots, side, ticks }) =>
      `{"coin":"${instrument.symbol}","side":"${side === "buy" ? "B" : "A"}","px":"${price(instrument, ticks)}","sz":"${size(instrument, lots)}",` +
      `"time":${at},"hash":"0x${id.toString(16).padStart(64, "0")}","tid":${id},"users":["0x0","0x1"]}`
  )
  return Json.once(() => `{"channel":"trades","data":[${list.join(",")}]}`)
}

const wanted = (subscription: Json.Fields, venue: Venue): Wanted | undefined => {
  const { coin, fast, type } = subscription
  const instrument = venue.instrument(String(coin))
  if (instrument === undefined) return undefined
  const key = `${String(type)}:${instrument.symbol}`
  if (type === "l2Book") {
    const form = fast === true ? "fast" : "slow"
    return { key: `${key}:${form}`, channel: "book", instrument, form, depth: paces[form].depth }
  }
  return type === "trades"
    ? { key, channel: "trades", instrument, form: type }
    : { key, channel: "ticker", instrument, form: String(type) }
}

const begin = (connection: Connection, topic: Topic, venue: Venue): void => {
  const { channel, form, instrument } = topic
  if (channel === "ticker") return venue.show(connection, topic, ticker(topic, venue.now))
  if (channel === "trades") {
    const recent = [...instrument.recent]
    if (recent.length > 0) venue.show(connection, topic, tradesOf(topic, recent), recent)
    return
  }
  venue.show(connection, topic, book(topic))
  const { every } = paces[form === "fast" ? "fast" : "slow"]
  venue.every(connection, every, () => venue.offer(connection, topic, book(topic)), topic)
}

/** A request with all its defaults, as the answer repeats it. */
const complete = (method: string, subscription: Json.Fields): string => {
  const { coin, fast, type } = subscription
  const defaults = type === "l2Book" ? { nSigFigs: null, mantissa: null, ...(fast === true && { fast }) } : {}
  return JSON.stringify({ method, subscription: { type, coin, ...defaults } })
}

const error = (connection: Connection, message: string, venue: Venue): void =>
  venue.say(connection, `{"channel":"error","data":${JSON.stringify(message)}}`)

const received: Rules["received"] = (connection, text, venue) => {
  const request = Json.parse(text)
  const method = request?.["method"]
  if (method === "ping") return venue.say(connection, `{"channel":"pong"}`)
  const subscription = Json.fields(request?.["subscription"])
  const isKnown = ["l2Book", "bbo", "trades", "activeAssetCtx"].includes(String(subscription?.["type"]))
  if (subscription === undefined || !isKnown || (method !== "subscribe" && method !== "unsubscribe")) {
    venue.violate(connection, "malformed", "no known request", text)
    return error(connection, `Error parsing JSON into valid websocket request: ${text}`, venue)
  }
  const found = wanted(subscription, venue)
  if (found === undefined) {
    venue.violate(connection, "unknown coin", String(subscription["coin"]), text)
    return venue.cut(connection)
  }
  const answer = () =>
    venue.say(connection, `{"channel":"subscriptionResponse","data":${complete(method, subscription)}}`)
  if (method === "unsubscribe") {
    if (venue.unsubscribe(connection, found.key) === undefined)
      return error(connection, `Already unsubscribed: ${JSON.stringify(subscription)}`, venue)
    return answer()
  }
  const refusal = venue.subscribe(connection, found, text)
  if (refusal === "poisoned") return
  if (refusal === "again") return error(connection, `Already subscribed: ${JSON.stringify(subscription)}`, venue)
  if (refusal === "full") return error(connection, "Cannot subscribe to more channels", venue)
  answer()
  const topic = connection.topics.get(found.key)?.topic
  if (topic !== undefined) begin(connection, topic, venue)
}

export const hyperliquid: Rules = {
  id: "hyperliquid",
  hosts: ["api.hyperliquid.xyz"],
  numbers: {
    dials: { limit: 30, window: 60_000, status: 429, ban: 0 },
    inbound: { limit: 2000, window: 60_000, control: false, penalty: 0 },
    pushless: 60_000,
    topicsPerConnection: 1000,
    connections: 10
  },
  symbol: ({ base }) => base,
  price,
  size,
  dial: ({ pathname }) => (pathname === "/ws" ? undefined : 404),
  received,
  // Books come at their own pace.
  update: () => undefined,
  traded: (topic, trades) => tradesOf(topic, trades),
  quoted: ticker,
  request: () => undefined
}
