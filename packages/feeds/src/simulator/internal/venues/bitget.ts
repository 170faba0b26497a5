/**
 * Bitget v2: text pings without which the connection ends even while data flows,
 * one answer per topic, few requests an hour, updates that name the one before.
 */
import type { Connection, Encode, Rules, Topic, Venue, Wanted } from "../engine/rules.ts"
import type { Window } from "../engine/view.ts"
import type { Trade } from "../market/instrument.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

const price: Rules["price"] = ({ asset }, ticks) => Decimal.trimmed(ticks, asset.priceDigits)
const size: Rules["size"] = ({ asset }, lots) => Decimal.trimmed(lots, asset.sizeDigits)

const depths = new Map([
  ["books", undefined],
  ["books1", 1],
  ["books5", 5],
  ["books15", 15]
])

const families = new Set(["SPOT", "USDT-FUTURES", "USDC-FUTURES", "COIN-FUTURES"])

/** Families in which the symbols are traded. In the others they are granted and stay silent. */
const traded = new Set(["SPOT", "USDT-FUTURES"])

const frameLimit = 4096

const wanted = (family: string, channel: string, symbol: string, venue: Venue): Wanted | undefined => {
  const instrument = venue.instrument(symbol)
  if (instrument === undefined) return undefined
  const [key, form] = [`${family}:${channel}:${symbol}`, `${family}:${channel}`]
  if (depths.has(channel)) return { key, channel: "book", instrument, form, depth: depths.get(channel) }
  if (channel === "trade") return { key, channel: "trades", instrument, form }
  return channel === "ticker" ? { key, channel: "ticker", instrument, form } : undefined
}

const argOf = (family: string, channel: string, symbol: string): string =>
  `"arg":{"instType":"${family}","channel":"${channel}","instId":"${symbol}"}`

const frame = ({ form, instrument }: Topic, action: "snapshot" | "update", at: number, data: string): Encode => {
  const [family = "", channel = ""] = form.split(":")
  const arg = argOf(family, channel, instrument.symbol)
  return Json.once(() => `{"action":"${action}",${arg},"data":[${data}],"ts":${at}}`)
}

const book = (
  topic: Topic,
  action: "snapshot" | "update",
  { asks, bids }: Window,
  previous: string,
  venue: Venue
): Encode => {
  const { at, instrument, sequence } = topic
  const [low, high] = [asks, bids].map((side) => Json.pairs(instrument, side, price, size))
  const numbers = `"seq":${venue.number(sequence)},"pseq":${previous}`
  return frame(topic, action, at, `{"asks":${low},"bids":${high},"ts":"${at}",${numbers}}`)
}

const tradesOf = (topic: Topic, action: "snapshot" | "update", trades: ReadonlyArray<Trade>, at: number): Encode => {
  const { instrument } = topic
  const list = trades
    .toReversed()
    .map(
      ({ at, id, lots, side, ticks }) =>
        `{"ts":"${at}","price":"${price(instrument, ticks)}","size":"${size(instrument, lots)}","side":"${side}","tradeId":"${id}"}`
    )
  return frame(topic, action, at, list.join(","))
}

const ticker = (topic: Topic, at: number): Encode => {
  const { instrument } = topic
  const { asks, bids, day, lastTrade, symbol } = instrument
  const cost = (ticks: number) => price(instrument, ticks)
  const amount = (lots: number) => size(instrument, lots)
  const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
  return frame(
    topic,
    "snapshot",
    at,
    `{"instId":"${symbol}","lastPr":"${cost(lastTrade.ticks)}","bidPr":"${cost(bid)}","askPr":"${cost(ask)}","bidSz":"${amount(bids.at(bid))}",` +
      `"askSz":"${amount(asks.at(ask))}","open24h":"${cost(day.open)}","high24h":"${cost(day.high)}","low24h":"${cost(day.low)}","change24h":"0",` +
      `"baseVolume":"${amount(day.lots)}","quoteVolume":"0","openUtc":"${cost(day.open)}","ts":"${at}"}`
  )
}

const show = (connection: Connection, topic: Topic, venue: Venue): void => {
  const { channel, instrument, view } = topic
  if (channel === "ticker") return venue.show(connection, topic, ticker(topic, venue.now))
  if (channel === "trades") {
    const recent = [...instrument.recent]
    if (recent.length > 0) venue.show(connection, topic, tradesOf(topic, "snapshot", recent, venue.now), recent)
    return
  }
  const window = view?.window ?? { bids: instrument.bids.top(), asks: instrument.asks.top() }
  venue.show(connection, topic, book(topic, "snapshot", window, "0", venue))
}

const subscription = (connection: Connection, request: Json.Fields, text: string, venue: Venue): void => {
  const op = String(request["op"])
  const refuse = (code: number, message: string, arg = "") =>
    venue.say(connection, `{"event":"error",${arg}"code":${code},"msg":"${message}","op":"${op}"}`)
  if (text.length > frameLimit) {
    venue.violate(connection, "frame size", `${text.length} of ${frameLimit} bytes`, text)
    return refuse(30_003, "request too long")
  }
  if (!venue.operation(connection, text)) return refuse(30_007, "request over limit")
  const args = Array.isArray(request["args"]) ? (request["args"] as ReadonlyArray<unknown>) : []
  for (const item of args) {
    const { channel, instId, instType } = Json.fields(item) ?? {}
    const [family, name, symbol] = [String(instType), String(channel), String(instId)]
    const arg = argOf(family, name, symbol)
    const found = wanted(family, name, symbol, venue)
    if (found === undefined || !families.has(family)) {
      refuse(30_001, `instType:${family},channel:${name},instId:${symbol} doesn't exist`, `${arg},`)
      continue
    }
    if (op === "unsubscribe") venue.unsubscribe(connection, found.key)
    else if (traded.has(family)) {
      const refusal = venue.subscribe(connection, found, text)
      if (refusal === "poisoned") return
      if (refusal === "full") {
        refuse(30_006, "too many channels", `${arg},`)
        continue
      }
    }
    venue.say(connection, `{"event":"${op}",${arg}}`)
    const topic = connection.topics.get(found.key)?.topic
    if (op === "subscribe" && topic !== undefined) show(connection, topic, venue)
  }
}

export const bitget: Rules = {
  id: "bitget",
  hosts: ["ws.bitget.com", "api.bitget.com"],
  numbers: {
    dials: { limit: 300, window: 300_000, status: 429, ban: 0 },
    inbound: { limit: 10, window: 1000, control: false, penalty: 0 },
    operations: { limit: 240, window: 3_600_000 },
    clientSilence: 120_000,
    topicsPerConnection: 1000,
    connections: 100
  },
  symbol: ({ base }) => `${base}USDT`,
  price,
  size,
  dial: ({ pathname }) => (pathname === "/v2/ws/public" ? undefined : 404),
  received: (connection, text, venue) => {
    if (text === "ping") return venue.say(connection, "pong")
    const request = Json.parse(text)
    const op = request?.["op"]
    if (request !== undefined && (op === "subscribe" || op === "unsubscribe"))
      return subscription(connection, request, text, venue)
    venue.violate(connection, "malformed", "no known op", text)
    venue.say(connection, `{"event":"error","code":30002,"msg":"unrecognized request","op":null}`)
  },
  update: (topic, update, venue) =>
    topic.view === undefined
      ? book(topic, "update", update, venue.number(update.previous), venue)
      : book(topic, "snapshot", topic.view.window, "0", venue),
  traded: (topic, trades, venue) => tradesOf(topic, "update", trades, venue.now),
  quoted: ticker,
  request: () => undefined
}
