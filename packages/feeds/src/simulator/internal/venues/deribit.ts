/**
 * Deribit: requests by JSON-RPC, an answer that lists what was granted, updates
 * that name the one before, and a second subscription that sends no snapshot.
 */
import type { Connection, Encode, Rules, Topic, Update, Venue, Wanted } from "../engine/rules.ts"
import type { Window } from "../engine/view.ts"
import type { Instrument } from "../market/instrument.ts"
import type { Level } from "../market/side.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

/** JSON numbers with one digit at least. */
const price: Rules["price"] = ({ asset }, ticks) => withPoint(Decimal.trimmed(ticks, asset.priceDigits))
const size: Rules["size"] = ({ asset }, lots) => withPoint(Decimal.trimmed(lots, asset.sizeDigits))

const withPoint = (text: string): string => (text.includes(".") ? text : `${text}.0`)

const wanted = (channel: string, venue: Venue): Wanted | undefined => {
  const [form = "", symbol = "", ...rest] = channel.split(".")
  const instrument = venue.instrument(symbol)
  // What is not grouped into 100 ms needs a login.
  if (instrument === undefined || rest.at(-1) !== "100ms") return undefined
  const key = channel
  if (form === "book" && rest.length === 1) return { key, channel: "book", instrument, form }
  if (form === "book" && /^none\.(?:1|10|20)\.100ms$/.test(rest.join(".")))
    return { key, channel: "book", instrument, form: "group", depth: Number(rest[1]) }
  if (rest.length !== 1) return undefined
  if (form === "trades") return { key, channel: "trades", instrument, form }
  return form === "ticker" ? { key, channel: "ticker", instrument, form } : undefined
}

const frame = ({ key }: Topic, data: () => string): Encode =>
  Json.once(() => `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"${key}","data":${data()}}}`)

const verb = (lots: number, before: number): string => (lots === 0 ? "delete" : before === 0 ? "new" : "change")

const levels = (instrument: Instrument, side: ReadonlyArray<Level>): string =>
  `[${side
    .map(
      ([ticks, lots, before = 0]) => `["${verb(lots, before)}",${price(instrument, ticks)},${size(instrument, lots)}]`
    )
    .join(",")}]`

const book = (topic: Topic, { asks, bids }: Window, previous: number | undefined, venue: Venue): Encode => {
  const { at, instrument, sequence, view } = topic
  const name = `"instrument_name":"${instrument.symbol}"`
  if (view !== undefined) {
    const bare = (side: ReadonlyArray<Level>) => Json.pairs(instrument, side, price, size, "")
    const both = `"bids":${bare(view.window.bids)},"asks":${bare(view.window.asks)}`
    return frame(topic, () => `{"timestamp":${at},${name},"change_id":${venue.number(sequence)},${both}}`)
  }
  const sides = `"bids":${levels(instrument, bids)},"asks":${levels(instrument, asks)}`
  const type =
    previous === undefined ? `"type":"snapshot"` : `"type":"change","prev_change_id":${venue.number(previous)}`
  return frame(topic, () => `{${type},"timestamp":${at},${name},"change_id":${venue.number(sequence)},${sides}}`)
}

const ticker = (topic: Topic, at: number): Encode => {
  const { instrument } = topic
  const { asks, bids, day, lastTrade, symbol } = instrument
  const cost = (ticks: number) => price(instrument, ticks)
  const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
  return frame(
    topic,
    () =>
      `{"timestamp":${at},"stats":{"volume":${size(instrument, day.lots)},"price_change":0.0,"low":${cost(day.low)},"high":${cost(day.high)}},` +
      `"state":"open","settlement_price":${cost(day.open)},"open_interest":0,"mark_price":${cost(lastTrade.ticks)},"last_price":${cost(lastTrade.ticks)},` +
      `"instrument_name":"${symbol}","index_price":${cost(lastTrade.ticks)},"best_bid_price":${cost(bid)},"best_bid_amount":${size(instrument, bids.at(bid))},` +
      `"best_ask_price":${cost(ask)},"best_ask_amount":${size(instrument, asks.at(ask))}}`
  )
}

const show = (connection: Connection, topic: Topic, venue: Venue): void => {
  const { channel, instrument } = topic
  if (channel === "ticker") return venue.show(connection, topic, ticker(topic, venue.now))
  if (channel !== "book") return
  const window = { bids: instrument.bids.top(), asks: instrument.asks.top() }
  venue.show(connection, topic, book(topic, window, undefined, venue))
}

/** Asks the client whether it is there; it must have answered the last time. */
const challenge = (connection: Connection, every: number, venue: Venue): void => {
  let asked = 0
  venue.every(connection, every, () => {
    if (asked > connection.heardAt) {
      venue.violate(connection, "heartbeat", `test_request was not answered within ${every} ms`)
      return venue.cut(connection)
    }
    asked = venue.now
    venue.say(connection, `{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}`)
  })
}

const received: Rules["received"] = (connection, text, venue) => {
  const request = Json.parse(text) ?? {}
  const { id, method } = request
  const params = Json.fields(request["params"]) ?? {}
  const end = `"usIn":${venue.now}000,"usOut":${venue.now}000,"usDiff":0,"testnet":false`
  const answer = (result: string) =>
    venue.say(connection, `{"jsonrpc":"2.0"${Json.member("id", id)},"result":${result},${end}}`)
  const refuse = (code: number, message: string) =>
    venue.say(
      connection,
      `{"jsonrpc":"2.0"${Json.member("id", id)},"error":{"code":${code},"message":"${message}"},${end}}`
    )
  const channels = Json.texts(params["channels"]) ?? []
  switch (method) {
    case "public/set_heartbeat": {
      const interval = Number(params["interval"])
      if (!(interval >= 10)) return refuse(-32_602, "Invalid params")
      if (connection.memory.flags === 0) challenge(connection, interval * 1000, venue)
      connection.memory.flags = 1
      return answer(`"ok"`)
    }
    case "public/test":
    case "public/hello":
      return answer(`{"version":"1.2.26"}`)
    case "public/subscribe":
      return subscribe(connection, channels, text, answer, refuse, venue)
    case "public/unsubscribe":
      return answer(JSON.stringify(channels.filter((key) => venue.unsubscribe(connection, key) !== undefined)))
    case undefined:
      venue.violate(connection, "malformed", "no method", text)
      return refuse(-32_600, "Invalid Request")
    default:
      return refuse(-32_601, "Method not found")
  }
}

const subscribe = (
  connection: Connection,
  channels: ReadonlyArray<string>,
  text: string,
  answer: (result: string) => void,
  refuse: (code: number, message: string) => void,
  venue: Venue
): void => {
  const { topicsPerFrame = Infinity } = venue.numbers
  if (channels.length > topicsPerFrame) {
    venue.violate(connection, "topics per frame", `${channels.length} of ${topicsPerFrame}`, text)
    return refuse(-32_602, "Invalid params")
  }
  if (!venue.operation(connection, text)) return refuse(10_028, "too_many_requests")
  const granted: Array<string> = []
  const begun: Array<string> = []
  for (const channel of channels) {
    const found = wanted(channel, venue)
    const refusal = found === undefined ? "full" : venue.subscribe(connection, found, text)
    if (refusal === "poisoned") return
    if (refusal !== "full") granted.push(channel)
    if (refusal === undefined) begun.push(channel)
  }
  // The order is not that of the request.
  answer(JSON.stringify(granted.toReversed()))
  for (const key of begun) {
    const topic = connection.topics.get(key)?.topic
    if (topic !== undefined) show(connection, topic, venue)
  }
}

export const deribit: Rules = {
  id: "deribit",
  hosts: ["streams.deribit.com", "www.deribit.com"],
  numbers: {
    operations: { limit: 10, window: 3000 },
    topicsPerFrame: 500,
    connections: 32
  },
  symbol: ({ base }) => `${base}-PERPETUAL`,
  price,
  size,
  dial: ({ pathname }) => (pathname === "/ws/api/v2" ? undefined : 404),
  received,
  update: (topic, update: Update, venue) => book(topic, update, update.previous, venue),
  traded: (topic, trades) => {
    const { instrument } = topic
    const list = trades.map(
      ({ at, id, lots, side, ticks }) =>
        `{"trade_seq":${id},"trade_id":"${id}","timestamp":${at},"tick_direction":0,"price":${price(instrument, ticks)},"mark_price":${price(instrument, ticks)},` +
        `"instrument_name":"${instrument.symbol}","index_price":${price(instrument, ticks)},"direction":"${side}","amount":${size(instrument, lots)}}`
    )
    return frame(topic, () => `[${list.join(",")}]`)
  },
  quoted: ticker,
  request: () => undefined
}
