/**
 * Bybit v5: one answer for a whole request, which fails as a whole; snapshots and
 * updates that come before the answer; a count of one per update.
 */
import type { Connection, Encode, Rules, Topic, Venue, Wanted } from "../engine/rules.ts"
import type { Window } from "../engine/view.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

const price: Rules["price"] = ({ asset }, ticks) => Decimal.trimmed(ticks, asset.priceDigits)
const size: Rules["size"] = ({ asset }, lots) => Decimal.trimmed(lots, asset.sizeDigits)

const depths = new Set([1, 50, 200, 500, 1000])

/** How long an answer takes; data does not wait for it. */
const answerTime = 40

/** Where the count of a topic begins. */
const beginning = 1000

/** How often the best level is sent again when nothing changes. */
const repeatTime = 3000

const isSpot = ({ url }: Connection): boolean => url.pathname.endsWith("/spot")

const wanted = (key: string, venue: Venue): Wanted | undefined => {
  const [form = "", ...rest] = key.split(".")
  const instrument = venue.instrument(rest.at(-1) ?? "")
  if (instrument === undefined) return undefined
  if (form === "orderbook" && rest.length === 2) {
    const depth = Number(rest[0])
    return depths.has(depth) ? { key, channel: "book", instrument, form, depth } : undefined
  }
  if (rest.length !== 1) return undefined
  if (form === "publicTrade") return { key, channel: "trades", instrument, form }
  return form === "tickers" ? { key, channel: "ticker", instrument, form } : undefined
}

/** Frames of spot have their time before their type. */
const frame = (topic: Topic, type: string, at: number, data: string, end = ""): Encode => {
  const { key } = topic
  const linear = Json.once(() => `{"topic":"${key}","type":"${type}","ts":${at},"data":${data}${end}}`)
  const spot = Json.once(() => `{"topic":"${key}","ts":${at},"type":"${type}","data":${data}${end}}`)
  return (connection) => (isSpot(connection) ? spot() : linear())
}

const book = (topic: Topic, type: "snapshot" | "delta", { asks, bids }: Window, venue: Venue): Encode => {
  const { at, count, instrument, sequence } = topic
  const sides = [bids, asks].map((side) => Json.pairs(instrument, side, price, size))
  const numbers = `"u":${beginning + count},"seq":${venue.number(sequence)}`
  return frame(
    topic,
    type,
    at,
    `{"s":"${instrument.symbol}","b":${sides[0]},"a":${sides[1]},${numbers}}`,
    `,"cts":${at}`
  )
}

/** Spot has no best prices in its tickers, and repeats everything; the others send what changed. */
const ticker = (topic: Topic, at: number, whole: boolean): Encode => {
  const { asks, bids, day, lastTrade, symbol } = topic.instrument
  const cost = (ticks: number) => price(topic.instrument, ticks)
  const amount = (lots: number) => size(topic.instrument, lots)
  const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
  const last = `"lastPrice":"${cost(lastTrade.ticks)}"`
  const range = `"highPrice24h":"${cost(day.high)}","lowPrice24h":"${cost(day.low)}","prevPrice24h":"${cost(day.open)}","volume24h":"${amount(day.lots)}","turnover24h":"0","price24hPcnt":"0"`
  const best = `"bid1Price":"${cost(bid)}","bid1Size":"${amount(bids.at(bid))}","ask1Price":"${cost(ask)}","ask1Size":"${amount(asks.at(ask))}"`
  const spot = frame(
    topic,
    "snapshot",
    at,
    `{"symbol":"${symbol}",${last},${range},"usdIndexPrice":"${cost(lastTrade.ticks)}"}`
  )
  const linear = whole
    ? frame(topic, "snapshot", at, `{"symbol":"${symbol}","tickDirection":"PlusTick",${last},${range},${best}}`)
    : frame(topic, "delta", at, `{"symbol":"${symbol}",${last},${best}}`)
  return (connection, wrong) => (isSpot(connection) ? spot(connection, wrong) : linear(connection, wrong))
}

const show = (connection: Connection, key: string, venue: Venue): void => {
  const topic = connection.topics.get(key)?.topic
  if (topic?.channel === "ticker") venue.show(connection, topic, ticker(topic, venue.now, true))
  if (topic?.view === undefined) return
  venue.show(connection, topic, book(topic, "snapshot", topic.view.window, venue))
  if (topic.view.depth === 1) repeat(connection, topic, venue)
}

const repeat = (connection: Connection, topic: Topic, venue: Venue): void => {
  const again = () => {
    if (topic.view === undefined || venue.now - topic.at < repeatTime) return
    venue.show(connection, topic, book(topic, "snapshot", topic.view.window, venue))
  }
  venue.every(connection, repeatTime, again, topic)
}

const answer = (
  connection: Connection,
  request: Json.Fields,
  success: boolean,
  message: string,
  venue: Venue
): void => {
  // The socket of futures repeats the id, or has an empty one; that of spot leaves it out when there was none.
  const id = request["req_id"] === undefined && isSpot(connection) ? "" : Json.member("req_id", request["req_id"] ?? "")
  const op = String(request["op"])
  const text = success && isSpot(connection) && op !== "ping" ? op : message
  venue.say(
    connection,
    `{"success":${success},"ret_msg":${JSON.stringify(text)},"conn_id":"sim-${connection.id}"${id},"op":"${op}"}`
  )
}

const subscription = (connection: Connection, request: Json.Fields, text: string, venue: Venue): void => {
  const keys = Json.texts(request["args"])
  const refuse = (message: string) => answer(connection, request, false, message, venue)
  if (keys === undefined || keys.length === 0) return refuse("error:args is empty")
  const { topicsPerFrame = Infinity } = venue.numbers
  if (isSpot(connection) && keys.length > topicsPerFrame) {
    venue.violate(connection, "topics per frame", `${keys.length} of ${topicsPerFrame}`, text)
    return refuse(`args size >${topicsPerFrame}`)
  }
  if (request["op"] === "unsubscribe") {
    for (const key of keys) venue.unsubscribe(connection, key)
    return answer(connection, request, true, "", venue)
  }
  for (const key of keys) {
    if (wanted(key, venue) === undefined) return refuse(`error:handler not found,topic:${key}`)
    if (connection.topics.has(key)) return refuse(`error:already subscribed,topic:${key}`)
  }
  for (const key of keys) {
    const found = wanted(key, venue)
    const refusal = found === undefined ? "full" : venue.subscribe(connection, found, text)
    if (refusal === "poisoned") return
    if (refusal === "full") return refuse("error:args length exceeded")
    show(connection, key, venue)
  }
  venue.after(connection, answerTime, () => answer(connection, request, true, "", venue))
}

export const bybit: Rules = {
  id: "bybit",
  hosts: ["stream.bybit.com", "api.bybit.com"],
  numbers: {
    dials: { limit: 500, window: 300_000, status: 403, ban: 600_000 },
    clientSilence: 600_000,
    topicsPerFrame: 10,
    characters: 21_000
  },
  symbol: ({ base }) => `${base}USDT`,
  price,
  size,
  dial: ({ pathname }) => (/^\/v5\/public\/(?:spot|linear|inverse)$/.test(pathname) ? undefined : 404),
  received: (connection, text, venue) => {
    const request = Json.parse(text)
    switch (request?.["op"]) {
      case "ping":
        return answer(connection, request, true, "pong", venue)
      case "subscribe":
      case "unsubscribe":
        return subscription(connection, request, text, venue)
      default:
        venue.violate(connection, "malformed", "no known op", text)
        answer(connection, request ?? {}, false, "error:invalid op", venue)
    }
  },
  update: (topic, update, venue) =>
    topic.view?.depth === 1 ? book(topic, "snapshot", topic.view.window, venue) : book(topic, "delta", update, venue),
  // The number 1 says that everything is new.
  restart: (topic, venue) => {
    topic.count = 1 - beginning
    return book(topic, "snapshot", topic.view?.window ?? { asks: [], bids: [] }, venue)
  },
  traded: (topic, trades, venue) => {
    const { instrument } = topic
    const list = trades.map(
      ({ at, id, lots, side, ticks }) =>
        `{"T":${at},"s":"${instrument.symbol}","S":"${side === "buy" ? "Buy" : "Sell"}","v":"${size(instrument, lots)}",` +
        `"p":"${price(instrument, ticks)}","L":"PlusTick","i":"${2_290_000_000 + id}","BT":false,"seq":${venue.number(instrument.sequence)}}`
    )
    return frame(topic, "snapshot", trades[0]?.at ?? venue.now, `[${list.join(",")}]`)
  },
  quoted: (topic, at) => ticker(topic, at, false),
  request: () => undefined
}
