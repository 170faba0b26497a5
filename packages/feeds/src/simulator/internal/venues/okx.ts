/**
 * OKX v5: one answer per topic, text pings, updates that name the one before, an
 * empty update each minute in which nothing changes, and a checksum that is always 0.
 */
import type { Connection, Encode, Rules, Topic, Venue, Wanted } from "../engine/rules.ts"
import type { Window } from "../engine/view.ts"
import type { Instrument } from "../market/instrument.ts"
import type { Level } from "../market/side.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

const price: Rules["price"] = ({ asset }, ticks) => Decimal.trimmed(ticks, asset.priceDigits)
const size: Rules["size"] = ({ asset }, lots) => Decimal.trimmed(lots, asset.sizeDigits)

const depths = new Map([
  ["books", 400],
  ["books5", 5],
  ["bbo-tbt", 1]
])

/** After so long without a change, an update says so. */
const emptyTime = 60_000

/** A whole frame may be so long. */
const frameLimit = 65_536

const wanted = (channel: string, symbol: string, venue: Venue): Wanted | undefined => {
  const instrument = venue.instrument(symbol)
  const depth = depths.get(channel)
  const key = `${channel}:${symbol}`
  if (instrument === undefined) return undefined
  if (depth !== undefined) return { key, channel: "book", instrument, form: channel, depth }
  if (channel === "trades") return { key, channel: "trades", instrument, form: channel }
  return channel === "tickers" ? { key, channel: "ticker", instrument, form: channel } : undefined
}

const arg = ({ form, instrument }: Topic): string => `"arg":{"channel":"${form}","instId":"${instrument.symbol}"}`

const levels = (instrument: Instrument, side: ReadonlyArray<Level>): string =>
  Json.pairs(instrument, side, price, size, '"', ',"0","1"')

const book = (topic: Topic, action: "snapshot" | "update", changes: Window, previous: string, venue: Venue): Encode => {
  const { at, form, instrument, sequence, shift, view } = topic
  const isWhole = form !== "books"
  const { asks, bids } = isWhole ? (view?.window ?? changes) : changes
  const sides = `"asks":${levels(instrument, asks)},"bids":${levels(instrument, bids)},"ts":"${at}"`
  const number = `"seqId":${venue.number(sequence - shift)}`
  return Json.once(() =>
    isWhole
      ? `{${arg(topic)},"data":[{${sides},"instId":"${instrument.symbol}",${number}}]}`
      : `{${arg(topic)},"action":"${action}","data":[{${sides},"checksum":0,"prevSeqId":${previous},${number}}]}`
  )
}

const ticker = (topic: Topic, at: number): Encode => {
  const { asks, bids, day, lastTrade, symbol } = topic.instrument
  const cost = (ticks: number) => price(topic.instrument, ticks)
  const amount = (lots: number) => size(topic.instrument, lots)
  const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
  return Json.once(
    () =>
      `{${arg(topic)},"data":[{"instType":"SPOT","instId":"${symbol}","last":"${cost(lastTrade.ticks)}","lastSz":"${amount(lastTrade.lots)}",` +
      `"askPx":"${cost(ask)}","askSz":"${amount(asks.at(ask))}","bidPx":"${cost(bid)}","bidSz":"${amount(bids.at(bid))}",` +
      `"open24h":"${cost(day.open)}","high24h":"${cost(day.high)}","low24h":"${cost(day.low)}","volCcy24h":"0","vol24h":"${amount(day.lots)}",` +
      `"sodUtc0":"${cost(day.open)}","sodUtc8":"${cost(day.open)}","ts":"${at}"}]}`
  )
}

const show = (connection: Connection, key: string, venue: Venue): void => {
  const topic = connection.topics.get(key)?.topic
  if (topic?.channel === "ticker") venue.show(connection, topic, ticker(topic, venue.now))
  if (topic?.view === undefined) return
  venue.show(connection, topic, book(topic, "snapshot", topic.view.window, "-1", venue))
  if (topic.form === "books") keep(connection, topic, venue)
}

/** Says each quiet minute that nothing changed. */
const keep = (connection: Connection, topic: Topic, venue: Venue): void => {
  const repeat = () => {
    if (venue.now - topic.at < emptyTime) return
    const number = venue.number(topic.sequence - topic.shift)
    venue.show(connection, topic, book(topic, "update", { asks: [], bids: [] }, number, venue))
  }
  venue.every(connection, emptyTime, repeat, topic)
}

const subscription = (connection: Connection, request: Json.Fields, text: string, venue: Venue): void => {
  const op = String(request["op"])
  const id = Json.member("id", request["id"]).slice(1)
  const head = id === "" ? "" : `${id},`
  const end = `"connId":"sim${connection.id}"`
  const refuse = (code: number, message: string) =>
    venue.say(connection, `{${head}"event":"error","code":"${code}","msg":${JSON.stringify(message)},${end}}`)
  if (text.length > frameLimit) {
    venue.violate(connection, "frame size", `${text.length} of ${frameLimit} bytes`, text)
    return refuse(60_012, "Illegal request: too long")
  }
  const args = Array.isArray(request["args"]) ? (request["args"] as ReadonlyArray<unknown>) : []
  if (args.length === 0) return refuse(60_012, `Illegal request: ${text}`)
  if (!venue.operation(connection, text)) return refuse(60_014, "Requests too frequent")
  for (const item of args) {
    const { channel, instId } = Json.fields(item) ?? {}
    const found = wanted(String(channel), String(instId), venue)
    if (found === undefined) {
      refuse(60_018, `Wrong URL or channel:${String(channel)},instId:${String(instId)} doesn't exist.`)
      continue
    }
    if (op === "unsubscribe") venue.unsubscribe(connection, found.key)
    else {
      const refusal = venue.subscribe(connection, found, text)
      if (refusal === "poisoned") return
      if (refusal === "full") {
        refuse(60_023, "Too many channels")
        continue
      }
    }
    venue.say(
      connection,
      `{${head}"event":"${op}","arg":{"channel":"${found.form}","instId":"${found.instrument.symbol}"},${end}}`
    )
    if (op === "subscribe") show(connection, found.key, venue)
  }
}

export const okx: Rules = {
  id: "okx",
  hosts: ["ws.okx.com", "wsus.okx.com", "www.okx.com"],
  numbers: {
    dials: { limit: 3, window: 1000, status: 429, ban: 0 },
    operations: { limit: 480, window: 3_600_000 },
    quiet: 30_000
  },
  symbol: ({ base }) => `${base}-USDT`,
  price,
  size,
  dial: ({ pathname }) => (pathname === "/ws/v5/public" ? undefined : 404),
  received: (connection, text, venue) => {
    if (text === "ping") return venue.say(connection, "pong")
    const request = Json.parse(text)
    const op = request?.["op"]
    if (request !== undefined && (op === "subscribe" || op === "unsubscribe"))
      return subscription(connection, request, text, venue)
    venue.violate(connection, "malformed", "no known op", text)
    venue.say(
      connection,
      `{"event":"error","code":"60012","msg":${JSON.stringify(`Illegal request: ${text}`)},"connId":"sim${connection.id}"}`
    )
  },
  update: (topic, update, venue) => book(topic, "update", update, venue.number(update.previous - topic.shift), venue),
  // A number that is lower than the one before.
  restart: (topic, venue) => {
    const before = venue.number(topic.sequence - topic.shift)
    topic.shift = topic.sequence + 1
    return book(topic, "update", { asks: [], bids: [] }, before, venue)
  },
  traded: (topic, trades, venue) => {
    const { instrument } = topic
    const list = trades.map(
      ({ at, id, lots, side, ticks }) =>
        `{"instId":"${instrument.symbol}","tradeId":"${id}","px":"${price(instrument, ticks)}","sz":"${size(instrument, lots)}",` +
        `"side":"${side}","ts":"${at}","count":"1","source":"0","seqId":${venue.number(instrument.sequence)}}`
    )
    return Json.once(() => `{${arg(topic)},"data":[${list.join(",")}]}`)
  },
  quoted: ticker,
  notice: (connection, venue) =>
    venue.say(
      connection,
      `{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"sim${connection.id}"}`
    ),
  request: () => undefined
}
