/**
 * KuCoin spot: a token over HTTP before each dial, topics that are granted even if
 * nobody trades them, a number for every change, and changes at a price of zero.
 */
import type { Response } from "../../Simulator.ts"
import type { Connection, Encode, Rules, Topic, Update, Venue, Wanted } from "../engine/rules.ts"
import type { Instrument } from "../market/instrument.ts"
import * as Crc32 from "../wire/crc32.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

const price: Rules["price"] = ({ asset }, ticks) => Decimal.trimmed(ticks, asset.priceDigits)
const size: Rules["size"] = ({ asset }, lots) => Decimal.trimmed(lots, asset.sizeDigits)

const forms: Readonly<Record<string, Pick<Wanted, "channel" | "depth">>> = {
  "/market/level2": { channel: "book" },
  "/spotMarket/level2Depth5": { channel: "book", depth: 5 },
  "/spotMarket/level2Depth50": { channel: "book", depth: 50 },
  "/market/match": { channel: "trades" },
  "/market/ticker": { channel: "ticker" },
  "/market/snapshot": { channel: "ticker" }
}

// ------------------------------------------------------------------- tokens

/** A token says when it was given, and cannot be made up. */
const tokenAt = (now: number): string => `${now.toString(36)}.${Crc32.unsigned(`token of ${now}`).toString(36)}`

const givenAt = (token: string): number | undefined => {
  const at = Number.parseInt(token.split(".")[0] ?? "", 36)
  return tokenAt(at) === token ? at : undefined
}

const opened = (connection: Connection, venue: Venue): void => {
  const { searchParams } = connection.url
  const age = venue.now - (givenAt(searchParams.get("token") ?? "") ?? -Infinity)
  const id = searchParams.get("connectId") ?? `sim${connection.id}`
  if (age <= (venue.numbers.tokenAge ?? Infinity)) return venue.say(connection, `{"id":"${id}","type":"welcome"}`)
  venue.violate(connection, "token", "expired")
  venue.say(connection, `{"id":"${id}","type":"error","code":401,"data":"token is expired"}`)
  venue.close(connection, 1000, "token is expired")
}

const json = (body: string): Response => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: `{"code":"200000","data":${body}}`
})

const bullet = (venue: Venue): Response => {
  const endpoint = venue.address("wss://ws-api-spot.kucoin.com/")
  const server = `{"endpoint":"${endpoint}","encrypt":true,"protocol":"websocket","pingInterval":18000,"pingTimeout":10000}`
  return json(`{"token":"${tokenAt(Math.floor(venue.now))}","instanceServers":[${server}]}`)
}

const snapshot = (url: URL, venue: Venue): Response | undefined => {
  const found = /^\/api\/v[13]\/market\/orderbook\/level2(?:_(20|100))?$/.exec(url.pathname)
  if (found === null) return undefined
  const instrument = venue.instrument(url.searchParams.get("symbol") ?? "")
  if (instrument === undefined) return { ...json("null"), body: `{"code":"400100","msg":"symbol not exists"}` }
  const depth = Number(found[1] ?? Infinity)
  const [bids, asks] = [instrument.bids, instrument.asks].map((side) =>
    Json.pairs(instrument, side.top(depth), price, size)
  )
  return json(`{"time":${venue.now},"sequence":"${venue.number(instrument.sequence)}","bids":${bids},"asks":${asks}}`)
}

// ------------------------------------------------------------------- frames

const message = (topic: Topic, subject: string, data: () => string): Encode =>
  Json.once(() => `{"topic":"${topic.key}","type":"message","subject":"${subject}","data":${data()}}`)

/** Each change has its own number; one that is left over changes nothing, at a price of zero. */
const changes = (instrument: Instrument, update: Update, venue: Venue): string => {
  let number = update.first
  const write = (side: Update["bids"]) =>
    side.map(
      ([ticks, lots]) => `["${price(instrument, ticks)}","${size(instrument, lots)}","${venue.number(number++)}"]`
    )
  const [asks, bids] = [write(update.asks), write(update.bids)]
  while (number <= update.last) bids.push(`["0","0","${venue.number(number++)}"]`)
  return `{"asks":[${asks.join(",")}],"bids":[${bids.join(",")}]}`
}

const ticker = (topic: Topic, at: number, venue: Venue): Encode => {
  const { asks, bids, day, lastTrade, sequence, symbol } = topic.instrument
  const cost = (ticks: number) => price(topic.instrument, ticks)
  const amount = (lots: number) => size(topic.instrument, lots)
  const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
  const number = venue.number(sequence)
  if (topic.form === "/market/ticker") {
    return message(
      topic,
      "trade.ticker",
      () =>
        `{"bestAsk":"${cost(ask)}","bestAskSize":"${amount(asks.at(ask))}","bestBid":"${cost(bid)}","bestBidSize":"${amount(bids.at(bid))}",` +
        `"price":"${cost(lastTrade.ticks)}","sequence":"${number}","size":"${amount(lastTrade.lots)}","time":${at}}`
    )
  }
  const [base, quote] = symbol.split("-")
  return message(
    topic,
    "trade.snapshot",
    () =>
      `{"sequence":"${number}","data":{"symbol":"${symbol}","baseCurrency":"${base}","quoteCurrency":"${quote}","market":"${quote}","trading":true,` +
      `"buy":${cost(bid)},"sell":${cost(ask)},"lastTradedPrice":${cost(lastTrade.ticks)},"close":${cost(lastTrade.ticks)},"open":${cost(day.open)},` +
      `"high":${cost(day.high)},"low":${cost(day.low)},"vol":${amount(day.lots)},"volValue":0,"changePrice":0,"changeRate":0,"datetime":${at}}}`
  )
}

const subscription = (connection: Connection, request: Json.Fields, text: string, venue: Venue): void => {
  const { id, response, topic, type } = request
  const refuse = (code: number, data: string) =>
    venue.say(connection, `{"id":${JSON.stringify(id)},"type":"error","code":${code},"data":"${data}"}`)
  const [form = "", list = ""] = String(topic).split(":")
  const found = forms[form]
  if (found === undefined) return refuse(404, `topic ${form} is not found`)
  const symbols = list.split(",")
  const { topicsPerFrame = Infinity } = venue.numbers
  if (symbols.length > topicsPerFrame) {
    venue.violate(connection, "topics per frame", `${symbols.length} of ${topicsPerFrame}`, text)
    return refuse(509, "exceed max subscription count")
  }
  for (const symbol of symbols) {
    const key = `${form}:${symbol}`
    const instrument = venue.instrument(symbol)
    if (type === "unsubscribe") venue.unsubscribe(connection, key)
    // A symbol that does not exist is granted too, and stays silent.
    else if (instrument !== undefined) {
      const refusal = venue.subscribe(connection, { key, instrument, form, ...found }, text)
      if (refusal === "poisoned") return
      if (refusal === "full") return refuse(509, "exceed max subscription count limitation per session")
    }
  }
  if (response === true) venue.say(connection, `{"id":${JSON.stringify(id)},"type":"ack"}`)
}

export const kucoin: Rules = {
  id: "kucoin",
  hosts: ["ws-api-spot.kucoin.com", "api.kucoin.com"],
  numbers: {
    dials: { limit: 30, window: 60_000, status: 429, ban: 0 },
    inbound: { limit: 100, window: 10_000, control: true, penalty: 0 },
    clientSilence: 60_000,
    maxAge: 86_400_000,
    tokenAge: 86_400_000,
    topicsPerFrame: 100,
    topicsPerConnection: 400,
    connections: 800,
    requests: { limit: 2000, window: 30_000, status: 429 }
  },
  symbol: ({ base }) => `${base}-USDT`,
  price,
  size,
  dial: ({ searchParams }) => (givenAt(searchParams.get("token") ?? "") === undefined ? 401 : undefined),
  opened,
  farewell: { code: 1000, reason: "Bye" },
  received: (connection, text, venue) => {
    const request = Json.parse(text)
    switch (request?.["type"]) {
      case "ping":
        return venue.say(
          connection,
          `{"id":${JSON.stringify(request["id"])},"type":"pong","timestamp":${venue.now}000}`
        )
      case "subscribe":
      case "unsubscribe":
        return subscription(connection, request, text, venue)
      default:
        venue.violate(connection, "malformed", "no known type", text)
        venue.say(connection, `{"type":"error","code":400,"data":"invalid message"}`)
    }
  },
  update: (topic, update, venue) => {
    const { instrument, view } = topic
    if (view !== undefined) {
      const [bids, asks] = [view.window.bids, view.window.asks].map((side) => Json.pairs(instrument, side, price, size))
      return message(topic, "level2", () => `{"asks":${asks},"bids":${bids},"timestamp":${update.at}}`)
    }
    const numbers = `"sequenceEnd":${venue.number(update.last)},"sequenceStart":${venue.number(update.first)}`
    const list = changes(instrument, update, venue)
    return message(
      topic,
      "trade.l2update",
      () => `{"changes":${list},${numbers},"symbol":"${instrument.symbol}","time":${update.at}}`
    )
  },
  tradesPerFrame: 1,
  traded: (topic, [trade], venue) => {
    const { instrument } = topic
    if (trade === undefined) return undefined
    const { at, id, lots, side, ticks } = trade
    return message(
      topic,
      "trade.l3match",
      () =>
        `{"makerOrderId":"m${id}","price":"${price(instrument, ticks)}","sequence":"${venue.number(instrument.sequence)}","side":"${side}",` +
        `"size":"${size(instrument, lots)}","symbol":"${instrument.symbol}","takerOrderId":"t${id}","time":"${at}000000","tradeId":"${id}","type":"match"}`
    )
  },
  quoted: ticker,
  request: (url, method, venue) =>
    method === "POST" && url.pathname === "/api/v1/bullet-public" ? bullet(venue) : snapshot(url, venue)
}
