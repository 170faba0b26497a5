/**
 * Gate v4, spot and USDT futures: one answer per request, books from HTTP, and
 * books in the stream whose data comes before the answer.
 */
import type { Response } from "../../Simulator.ts"
import type { Connection, Encode, Rules, Topic, Venue, Wanted } from "../engine/rules.ts"
import type { Window } from "../engine/view.ts"
import type { Instrument, Trade } from "../market/instrument.ts"
import type { Level } from "../market/side.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

const price: Rules["price"] = ({ asset }, ticks) => Decimal.trimmed(ticks, asset.priceDigits)
const size: Rules["size"] = ({ asset }, lots) => Decimal.trimmed(lots, asset.sizeDigits)

type Family = "spot" | "futures"

const familyOf = ({ url }: Connection): Family => (url.pathname.startsWith("/v4/ws/") ? "futures" : "spot")

/** How long the answer takes for a book in the stream. */
const answerTime = 30

const wanted = (family: string, name: string, symbol: string, venue: Venue): Wanted | undefined => {
  const streamed = /^ob\.(.+)\.(50|400)$/.exec(symbol)
  const instrument = venue.instrument(streamed?.[1] ?? symbol)
  if (instrument === undefined) return undefined
  const key = `${family}.${name}:${symbol}`
  const form = `${family}.${name}`
  switch (name) {
    case "order_book_update":
      return { key, channel: "book", instrument, form }
    case "obu":
      return streamed === null ? undefined : { key, channel: "book", instrument, form, depth: Number(streamed[2]) }
    case "trades":
      return { key, channel: "trades", instrument, form }
    case "book_ticker":
    case "tickers":
      return { key, channel: "ticker", instrument, form }
    default:
      return undefined
  }
}

/** Spot lists a level's price and size; futures name them, and count whole contracts. */
const levels = (family: string, instrument: Instrument, side: ReadonlyArray<Level>): string =>
  family === "spot"
    ? Json.pairs(instrument, side, price, size)
    : `[${side.map(([ticks, lots]) => `{"p":"${price(instrument, ticks)}","s":${size(instrument, lots)}}`).join(",")}]`

const frame = ({ form }: Topic, at: number, result: () => string): Encode =>
  Json.once(
    () => `{"time":${Math.floor(at / 1000)},"time_ms":${at},"channel":"${form}","event":"update","result":${result()}}`
  )

const familyIn = ({ form }: Topic): string => form.slice(0, form.indexOf("."))

const book = (topic: Topic, { asks, bids }: Window, first: number | undefined, venue: Venue): Encode => {
  const { at, instrument, key, sequence, view } = topic
  const family = familyIn(topic)
  const write = (side: ReadonlyArray<Level>) => levels(view === undefined ? family : "spot", instrument, side)
  const sides = `"b":${write(bids)},"a":${write(asks)}`
  const last = `"u":${venue.number(sequence)}`
  const numbers = first === undefined ? last : `"U":${venue.number(first)},${last}`
  if (view !== undefined) {
    const full = first === undefined ? `"full":true,` : ""
    return frame(topic, at, () => `{"t":${at},${full}"s":"${key.slice(key.indexOf(":") + 1)}",${numbers},${sides}}`)
  }
  // The symbol comes after the levels in futures.
  const symbol = `"s":"${instrument.symbol}"`
  return frame(topic, at, () =>
    family === "spot"
      ? `{"t":${at},"e":"depthUpdate","E":${Math.floor(at / 1000)},${symbol},${numbers},${sides}}`
      : `{"t":${at},${numbers},${sides},${symbol}}`
  )
}

const trade = (family: string, instrument: Instrument, { at, id, lots, side, ticks }: Trade): string => {
  const times = `"id":${id},"create_time":${Math.floor(at / 1000)},"create_time_ms":`
  const cost = `"price":"${price(instrument, ticks)}"`
  return family === "spot"
    ? `{${times}"${at}.0","side":"${side}","currency_pair":"${instrument.symbol}","amount":"${size(instrument, lots)}",${cost}}`
    : `{"contract":"${instrument.symbol}",${times}${at},${cost},"size":${side === "sell" ? "-" : ""}${size(instrument, lots)}}`
}

const ticker = (topic: Topic, at: number, venue: Venue): Encode => {
  const { instrument } = topic
  const { asks, bids, day, lastTrade, symbol } = instrument
  const cost = (ticks: number) => price(instrument, ticks)
  const amount = (lots: number) => size(instrument, lots)
  const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
  if (topic.form.endsWith(".book_ticker")) {
    const text = `"b":"${cost(bid)}","B":"${amount(bids.at(bid))}","a":"${cost(ask)}","A":"${amount(asks.at(ask))}"`
    return frame(topic, at, () => `{"t":${at},"u":${venue.number(instrument.sequence)},"s":"${symbol}",${text}}`)
  }
  const body = () =>
    `{"currency_pair":"${symbol}","last":"${cost(lastTrade.ticks)}","lowest_ask":"${cost(ask)}","highest_bid":"${cost(bid)}","change_percentage":"0",` +
    `"base_volume":"${amount(day.lots)}","quote_volume":"0","high_24h":"${cost(day.high)}","low_24h":"${cost(day.low)}"}`
  return frame(topic, at, body)
}

const subscription = (connection: Connection, request: Json.Fields, text: string, venue: Venue): void => {
  const { event, payload } = request
  const channel = String(request["channel"])
  const name = channel.slice(channel.indexOf(".") + 1)
  const head = `"time":${Math.floor(venue.now / 1000)},"time_ms":${venue.now},"conn_id":"sim${connection.id}"${Json.member("id", request["id"])}`
  const tail = `"channel":"${channel}","event":"${String(event)}","payload":${JSON.stringify(payload)}`
  const refuse = (code: number, message: string) =>
    venue.say(
      connection,
      `{${head},${tail},"error":{"code":${code},"message":"${message}"},"result":{"status":"fail"}}`
    )
  const symbols = Json.texts(payload)
  if (symbols === undefined || symbols.length === 0) return refuse(1, "invalid argument struct")
  const asked = name === "order_book_update" ? symbols.slice(0, 1) : symbols
  for (const symbol of asked) {
    const found = wanted(familyOf(connection), name, symbol, venue)
    const isOwn = channel.startsWith(familyOf(connection))
    // A book in the stream is granted for any symbol, and stays silent for most.
    if (found === undefined || !isOwn) {
      if (name === "obu") continue
      return refuse(2, isOwn ? `unknown currency pair ${symbol}` : `unknown channel ${channel}`)
    }
    if (event === "unsubscribe") venue.unsubscribe(connection, found.key)
    else {
      const refusal = venue.subscribe(connection, found, text)
      if (refusal === "poisoned") return
      if (refusal === "again") return refuse(2, "Alert sub")
      const topic = connection.topics.get(found.key)?.topic
      if (topic?.view !== undefined) venue.show(connection, topic, book(topic, topic.view.window, undefined, venue))
    }
  }
  const grant = () => venue.say(connection, `{${head},${tail},"result":{"status":"success"}}`)
  if (name === "obu") venue.after(connection, answerTime, grant)
  else grant()
}

const snapshot = (url: URL, venue: Venue): Response | undefined => {
  const found = /^\/api\/v4\/(spot|futures\/usdt)\/order_book$/.exec(url.pathname)
  if (found === null) return undefined
  const family = found[1] === "spot" ? "spot" : "futures"
  const symbol = url.searchParams.get(family === "spot" ? "currency_pair" : "contract") ?? ""
  const instrument = venue.instrument(symbol)
  if (instrument === undefined)
    return {
      status: 400,
      headers: {},
      body: `{"label":"INVALID_CURRENCY_PAIR","message":"Invalid currency pair ${symbol}"}`
    }
  const limit = Number(url.searchParams.get("limit") ?? 10)
  const [asks, bids] = [instrument.asks, instrument.bids].map((side) => levels(family, instrument, side.top(limit)))
  const id = url.searchParams.get("with_id") === "true" ? `"id":${venue.number(instrument.sequence)},` : ""
  const at = (millis: number) => (family === "spot" ? String(millis) : String(millis / 1000))
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: `{${id}"current":${at(venue.now)},"update":${at(instrument.at)},"asks":${asks},"bids":${bids}}`
  }
}

export const gate: Rules = {
  id: "gate",
  hosts: ["api.gateio.ws", "fx-ws.gateio.ws"],
  numbers: { idle: 30_500, requests: { limit: 200, window: 10_000, status: 429 } },
  symbol: ({ base }) => `${base}_USDT`,
  price,
  size,
  dial: ({ pathname }) => (/^\/(?:ws\/v4|v4\/ws\/usdt)\/?$/.test(pathname) ? undefined : 404),
  received: (connection, text, venue) => {
    const request = Json.parse(text)
    const channel = String(request?.["channel"])
    const event = request?.["event"]
    if (channel.endsWith(".ping"))
      return venue.say(
        connection,
        `{"time":${Math.floor(venue.now / 1000)},"time_ms":${venue.now},"channel":"${channel.replace("ping", "pong")}","event":"","result":null}`
      )
    if (request !== undefined && (event === "subscribe" || event === "unsubscribe"))
      return subscription(connection, request, text, venue)
    venue.violate(connection, "malformed", "no known event", text)
    venue.say(connection, `{"time":${Math.floor(venue.now / 1000)},"error":{"code":1,"message":"invalid request"}}`)
  },
  update: (topic, update, venue) => book(topic, update, update.first, venue),
  tradesPerFrame: 1,
  traded: (topic, [found], venue) => {
    if (found === undefined) return undefined
    const family = familyIn(topic)
    const body = trade(family, topic.instrument, found)
    return frame(topic, venue.now, () => (family === "spot" ? body : `[${body}]`))
  },
  quoted: ticker,
  notice: (connection, venue) =>
    venue.say(
      connection,
      `{"time":${Math.floor(venue.now / 1000)},"channel":"${familyOf(connection)}.system","event":"update","result":{"type":"upgrade","msg":"The connection will soon be closed"}}`
    ),
  request: (url, method, venue) => (method === "GET" ? snapshot(url, venue) : undefined)
}
