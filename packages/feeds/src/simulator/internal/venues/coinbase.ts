/**
 * Coinbase Advanced Trade: one count over all frames of a connection, data before
 * the answer, an answer that lists everything, and snapshots of the whole book.
 */
import type { Connection, Encode, Rules, Topic, Venue, Wanted } from "../engine/rules.ts"
import type { Window } from "../engine/view.ts"
import type { Instrument, Trade } from "../market/instrument.ts"
import type { Level } from "../market/side.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

const price: Rules["price"] = ({ asset }, ticks) => Decimal.trimmed(ticks, asset.priceDigits)
const size: Rules["size"] = ({ asset }, lots) => Decimal.trimmed(lots, asset.sizeDigits)

const channels = new Map([
  ["level2", "book"],
  ["market_trades", "trades"],
  ["ticker", "ticker"]
] as const)

/** Whether heartbeats are wanted, and whether their clock runs. */
const [heartbeats, started] = [1, 2]

/** Every frame takes the connection's next number. */
const frame =
  (channel: string, at: number, events: () => string) =>
  ({ memory }: Connection): string =>
    `{"channel":"${channel}","timestamp":"${Json.iso(at)}","sequence_num":${memory.count++},"events":[${events()}]}`

const level = (instrument: Instrument, side: "bid" | "offer", at: string, [ticks, lots]: Level): string =>
  `{"side":"${side}","event_time":"${at}","price_level":"${price(instrument, ticks)}","new_quantity":"${size(instrument, lots)}"}`

const book = (topic: Topic, type: "snapshot" | "update", { asks, bids }: Window): Encode => {
  const { at, instrument } = topic
  const time = Json.iso(at)
  // Levels come in no particular order.
  const updates = () =>
    [
      ...bids.toReversed().map((found) => level(instrument, "bid", time, found)),
      ...asks.map((found) => level(instrument, "offer", time, found))
    ].join(",")
  const event = Json.once(() => `{"type":"${type}","product_id":"${instrument.symbol}","updates":[${updates()}]}`)
  return frame("l2_data", at, event)
}

/** The newest first, and named by what the maker did. */
const tradesOf = ({ instrument }: Topic, type: string, trades: ReadonlyArray<Trade>, at: number): Encode => {
  const list = trades
    .toReversed()
    .map(
      ({ at, id, lots, side, ticks }) =>
        `{"product_id":"${instrument.symbol}","trade_id":"${id}","price":"${price(instrument, ticks)}","size":"${size(instrument, lots)}",` +
        `"time":"${Json.iso(at)}","side":"${side === "buy" ? "SELL" : "BUY"}"}`
    )
  return frame("market_trades", at, () => `{"type":"${type}","trades":[${list.join(",")}]}`)
}

const ticker = ({ instrument }: Topic, type: string, at: number): Encode => {
  const { asks, bids, day, lastTrade, symbol } = instrument
  const cost = (ticks: number) => price(instrument, ticks)
  const amount = (lots: number) => size(instrument, lots)
  const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
  const event = Json.once(
    () =>
      `{"type":"${type}","tickers":[{"type":"ticker","product_id":"${symbol}","price":"${cost(lastTrade.ticks)}","volume_24_h":"${amount(day.lots)}",` +
      `"low_24_h":"${cost(day.low)}","high_24_h":"${cost(day.high)}","low_52_w":"${cost(day.low)}","high_52_w":"${cost(day.high)}","price_percent_chg_24_h":"0",` +
      `"best_bid":"${cost(bid)}","best_ask":"${cost(ask)}","best_bid_quantity":"${amount(bids.at(bid))}","best_ask_quantity":"${amount(asks.at(ask))}"}]}`
  )
  return frame("ticker", at, event)
}

const show = (connection: Connection, key: string, venue: Venue): void => {
  const topic = connection.topics.get(key)?.topic
  if (topic === undefined) return
  const { channel, instrument } = topic
  if (channel === "ticker") return venue.show(connection, topic, ticker(topic, "snapshot", venue.now))
  if (channel === "book") {
    const window = { bids: instrument.bids.top(), asks: instrument.asks.top() }
    return venue.show(connection, topic, book(topic, "snapshot", window))
  }
  const recent = [...instrument.recent]
  venue.show(connection, topic, tradesOf(topic, "snapshot", recent, venue.now), recent)
}

/** Lists all that the connection is subscribed to, not only what the request was about. */
const listed = (connection: Connection, venue: Venue): void => {
  const groups = new Map<string, Array<string>>()
  for (const { topic } of connection.topics.values()) {
    const group = groups.get(topic.form) ?? []
    groups.set(topic.form, group)
    group.push(topic.instrument.symbol)
  }
  if ((connection.memory.flags & heartbeats) !== 0) groups.set("heartbeats", ["heartbeats"])
  const list = JSON.stringify(Object.fromEntries(groups))
  venue.say(connection, frame("subscriptions", venue.now, () => `{"subscriptions":${list}}`)(connection))
}

const beat = (connection: Connection, venue: Venue): void => {
  connection.subscribed = true
  const isNew = connection.memory.flags === 0
  connection.memory.flags = heartbeats | started
  if (!isNew) return
  let counter = 40_000
  venue.beat(connection, () => {
    if ((connection.memory.flags & heartbeats) === 0) return
    const time = Json.iso(venue.now).replace("T", " ").replace("Z", " +0000 UTC m=+41691.260485341")
    const event = `{"current_time":"${time}","heartbeat_counter":${counter++}}`
    venue.say(connection, frame("heartbeats", venue.now, () => event)(connection))
  })
}

const wanted = (channel: string, symbol: string, venue: Venue): Wanted | undefined => {
  const instrument = venue.instrument(symbol)
  const kind = channels.get(channel as "level2")
  if (instrument === undefined || kind === undefined) return undefined
  return { key: `${channel}:${symbol}`, channel: kind, instrument, form: channel }
}

const subscription = (connection: Connection, request: Json.Fields, text: string, venue: Venue): void => {
  const refuse = (message: string) => venue.say(connection, `{"type":"error","message":"${message}"}`)
  const channel = String(request["channel"])
  const asks = request["type"] === "subscribe"
  if (channel === "heartbeats") {
    if (asks) beat(connection, venue)
    else connection.memory.flags &= ~heartbeats
    return listed(connection, venue)
  }
  if (!channels.has(channel as "level2")) return refuse("authentication failure")
  const symbols = Json.texts(request["product_ids"]) ?? []
  const unknown = symbols.find((symbol) => venue.instrument(symbol) === undefined)
  if (unknown !== undefined) return refuse(`${unknown} is not a valid product`)
  for (const symbol of symbols) {
    const found = wanted(channel, symbol, venue)
    if (found === undefined) continue
    if (!asks) venue.unsubscribe(connection, found.key)
    else {
      const refusal = venue.subscribe(connection, found, text)
      if (refusal === "poisoned") return
      if (refusal === undefined) show(connection, found.key, venue)
    }
  }
  listed(connection, venue)
}

export const coinbase: Rules = {
  id: "coinbase",
  hosts: ["advanced-trade-ws.coinbase.com", "api.coinbase.com"],
  numbers: {
    dials: { limit: 8, window: 1000, status: 429, ban: 0 },
    inbound: {
      limit: 8,
      window: 1000,
      control: false,
      penalty: 0,
      answer: `{"type":"error","message":"rate limit exceeded"}`
    },
    beat: 1000,
    firstSubscription: 5000,
    pushless: 90_000
  },
  symbol: ({ base }) => `${base}-USD`,
  price,
  size,
  received: (connection, text, venue) => {
    const request = Json.parse(text)
    const type = request?.["type"]
    if (request !== undefined && (type === "subscribe" || type === "unsubscribe"))
      return subscription(connection, request, text, venue)
    venue.violate(connection, "malformed", "no known type", text)
    venue.say(connection, `{"type":"error","message":"invalid request"}`)
  },
  update: (topic, update) => book(topic, "update", update),
  traded: (topic, trades) => tradesOf(topic, "update", trades, trades.at(-1)?.at ?? 0),
  quoted: (topic, at) => ticker(topic, "update", at),
  request: () => undefined
}
