/** What Binance's spot and futures sockets share: requests, streams and their frames. */
import type { Response } from "../../../Simulator.ts"
import type { Connection, Encode, Rules, Topic, Venue, Wanted } from "../../engine/rules.ts"
import type { Instrument } from "../../market/instrument.ts"
import type { Level } from "../../market/side.ts"
import * as Decimal from "../../wire/decimal.ts"
import * as Json from "../../wire/json.ts"

export const price: Rules["price"] = ({ asset }, ticks) => Decimal.padded(ticks, asset.priceDigits, 8)
export const size: Rules["size"] = ({ asset }, lots) => Decimal.padded(lots, asset.sizeDigits, 8)

/** How numbers are written: spot pads them, futures do not. */
export interface Spelling {
  readonly price: Rules["price"]
  readonly size: Rules["size"]
  /** Futures updates also name the one before, and the time of the match. */
  readonly chained: boolean
}

const forms = /^(?:aggTrade|trade|bookTicker|ticker|miniTicker|depth(?:5|10|20)?)$/

/** A stream's name, `btcusdt@depth20@100ms`, as a topic. */
const wanted = (name: string, venue: Venue): Wanted | undefined => {
  const [symbol = "", form = ""] = name.split("@")
  const instrument = venue.instrument(symbol.toUpperCase())
  if (instrument === undefined || !forms.test(form)) return undefined
  if (form.startsWith("depth")) {
    const depth = Number(form.slice(5)) || undefined
    return { key: name, channel: "book", instrument, form, depth }
  }
  return { key: name, channel: form.endsWith("rade") ? "trades" : "ticker", instrument, form }
}

/** Whether a connection may carry a stream: elsewhere it is granted and stays silent. */
export type Carries = (connection: Connection, name: string) => boolean

const answer = (venue: Venue, connection: Connection, id: unknown, result: string): void =>
  venue.say(connection, `{"result":${result},"id":${JSON.stringify(id ?? null)}}`)

const refuse = (venue: Venue, connection: Connection, code: number, message: string, id?: unknown): void =>
  venue.say(connection, `{"code":${code},"msg":"${message}"${Json.member("id", id)}}`)

const join = (
  connection: Connection,
  names: ReadonlyArray<string>,
  frame: string,
  carries: Carries,
  venue: Venue
): boolean => {
  for (const name of names) {
    const found = wanted(name, venue)
    // A stream that does not exist is granted too, and stays silent.
    if (found === undefined || !carries(connection, name)) continue
    const refusal = venue.subscribe(connection, found, frame)
    if (refusal === "full" || refusal === "poisoned") return false
  }
  return true
}

/** The streams that the address asks for. */
export const opened =
  (carries: Carries): NonNullable<Rules["opened"]> =>
  (connection, venue) => {
    const { pathname, searchParams } = connection.url
    const named = searchParams.get("streams") ?? /\/ws\/(.*)$/.exec(pathname)?.[1] ?? ""
    join(
      connection,
      named.split("/").filter((name) => name.includes("@")),
      connection.url.href,
      carries,
      venue
    )
  }

export const received =
  (carries: Carries): Rules["received"] =>
  (connection, text, venue) => {
    const request = Json.parse(text)
    if (request === undefined) {
      venue.violate(connection, "malformed", "no JSON object", text)
      return refuse(venue, connection, 3, "Invalid JSON")
    }
    const { id, method } = request
    const names = Json.texts(request["params"] ?? [])
    if (names === undefined) return refuse(venue, connection, 2, "Invalid request: params must be strings", id)
    switch (method) {
      case "SUBSCRIBE":
        if (join(connection, names, text, carries, venue)) answer(venue, connection, id, "null")
        else refuse(venue, connection, 2, "Invalid request: too many streams", id)
        return
      case "UNSUBSCRIBE":
        for (const name of names) venue.unsubscribe(connection, name)
        return answer(venue, connection, id, "null")
      case "LIST_SUBSCRIPTIONS":
        return answer(venue, connection, id, JSON.stringify([...connection.topics.keys()]))
      default:
        venue.violate(connection, "unknown request", String(method), text)
        return refuse(venue, connection, 2, "Invalid request: unknown method", id)
    }
  }

/** A frame as the connection's address wants it: bare, or in an envelope with the stream's name. */
const enveloped = (key: string, body: () => string): Encode => {
  const bare = Json.once(body)
  const wrapped = Json.once(() => `{"stream":"${key}","data":${bare()}}`)
  return (connection) => (connection.url.pathname.endsWith("/stream") ? wrapped() : bare())
}

const levels = (spelling: Spelling, instrument: Instrument, side: ReadonlyArray<Level>): string =>
  Json.pairs(instrument, side, spelling.price, spelling.size)

const partial = (topic: Topic, spelling: Spelling, venue: Venue): Encode => {
  const { instrument, key, view } = topic
  const { asks, bids } = view?.window ?? { asks: [], bids: [] }
  const sides = [levels(spelling, instrument, bids), levels(spelling, instrument, asks)] as const
  return enveloped(key, () => `{"lastUpdateId":${venue.number(topic.sequence)},"bids":${sides[0]},"asks":${sides[1]}}`)
}

export const frames = (spelling: Spelling): Pick<Rules, "update" | "tradesPerFrame" | "traded" | "quoted"> => ({
  update: (topic, update, venue) => {
    const { instrument, key } = topic
    if (topic.view !== undefined) return partial(topic, spelling, venue)
    const times = spelling.chained ? `"E":${update.at},"T":${update.at}` : `"E":${update.at}`
    const numbers = `"U":${venue.number(update.first)},"u":${venue.number(update.last)}`
    const previous = spelling.chained ? `,"pu":${venue.number(update.previous)}` : ""
    const [bids, asks] = [levels(spelling, instrument, update.bids), levels(spelling, instrument, update.asks)]
    return enveloped(
      key,
      () => `{"e":"depthUpdate",${times},"s":"${instrument.symbol}",${numbers}${previous},"b":${bids},"a":${asks}}`
    )
  },
  tradesPerFrame: 1,
  traded: ({ form, instrument, key }, trades) => {
    const [trade] = trades
    if (trade === undefined) return undefined
    const { at, id, lots, side, ticks } = trade
    const ids = form === "trade" ? `"t":${id}` : `"a":${id}`
    const range = form === "trade" ? "" : `"f":${id},"l":${id},`
    const what = `"p":"${spelling.price(instrument, ticks)}","q":"${spelling.size(instrument, lots)}"`
    const last = `"m":${side === "sell"}${spelling.chained ? "" : ',"M":true'}`
    return enveloped(
      key,
      () => `{"e":"${form}","E":${at},"s":"${instrument.symbol}",${ids},${what},${range}"T":${at},${last}}`
    )
  },
  quoted: ({ form, instrument, key }, at, venue) =>
    enveloped(key, () => {
      if (form === "bookTicker") return quote(instrument, at, spelling, venue)
      return form === "ticker" ? day(instrument, at, spelling) : brief(instrument, at, spelling)
    })
})

const best = (instrument: Instrument, spelling: Spelling): readonly [string, string, string, string] => {
  const [bid, ask] = [instrument.bids.best ?? 0, instrument.asks.best ?? 0]
  const write = (ticks: number, lots: number) =>
    [spelling.price(instrument, ticks), spelling.size(instrument, lots)] as const
  return [...write(bid, instrument.bids.at(bid)), ...write(ask, instrument.asks.at(ask))]
}

const quote = (instrument: Instrument, at: number, spelling: Spelling, venue: Venue): string => {
  const [bid, bids, ask, asks] = best(instrument, spelling)
  const name = spelling.chained ? '"e":"bookTicker",' : ""
  const times = spelling.chained ? `,"T":${at},"E":${at}` : ""
  return `{${name}"u":${venue.number(instrument.sequence)},"s":"${instrument.symbol}","b":"${bid}","B":"${bids}","a":"${ask}","A":"${asks}"${times}}`
}

const day = (instrument: Instrument, at: number, spelling: Spelling): string => {
  const [bid, bids, ask, asks] = best(instrument, spelling)
  const { day, lastTrade } = instrument
  const [open, high, low, last] = [day.open, day.high, day.low, lastTrade.ticks].map((ticks) =>
    spelling.price(instrument, ticks)
  )
  const volume = spelling.size(instrument, day.lots)
  const quotes = spelling.chained ? "" : `"b":"${bid}","B":"${bids}","a":"${ask}","A":"${asks}",`
  return (
    `{"e":"24hrTicker","E":${at},"s":"${instrument.symbol}","p":"0","P":"0","w":"${last}","x":"${open}","c":"${last}","Q":"${spelling.size(instrument, lastTrade.lots)}",` +
    `${quotes}"o":"${open}","h":"${high}","l":"${low}","v":"${volume}","q":"0","O":${at - 86_400_000},"C":${at},"F":1,"L":${lastTrade.id},"n":${lastTrade.id}}`
  )
}

const brief = (instrument: Instrument, at: number, spelling: Spelling): string => {
  const { day, lastTrade } = instrument
  const [open, high, low, last] = [day.open, day.high, day.low, lastTrade.ticks].map((ticks) =>
    spelling.price(instrument, ticks)
  )
  const volume = spelling.size(instrument, day.lots)
  return `{"e":"24hrMiniTicker","E":${at},"s":"${instrument.symbol}","c":"${last}","o":"${open}","h":"${high}","l":"${low}","v":"${volume}","q":"0"}`
}

export const notice: NonNullable<Rules["notice"]> = (connection, venue) => {
  const body = `{"e":"serverShutdown","E":${venue.now}}`
  venue.say(
    connection,
    connection.url.pathname.endsWith("/stream") ? `{"stream":"!serverShutdown","data":${body}}` : body
  )
}

const bad = (message: string, code: number): Response => ({
  status: 400,
  headers: {},
  body: `{"code":${code},"msg":"${message}"}`
})

/** The snapshot of a book over HTTP. */
export const depth =
  (path: string, spelling: Spelling): Rules["request"] =>
  (url, method, venue) => {
    if (url.pathname !== path || method !== "GET") return undefined
    const instrument = venue.instrument(url.searchParams.get("symbol") ?? "")
    if (instrument === undefined) return bad("Invalid symbol.", -1121)
    const limit = Number(url.searchParams.get("limit") ?? 100)
    if (!(limit > 0)) return bad("Illegal characters found in parameter 'limit'.", -1100)
    const [bids, asks] = [instrument.bids.top(limit), instrument.asks.top(limit)].map((side) =>
      levels(spelling, instrument, side)
    )
    const times = spelling.chained ? `,"E":${venue.now},"T":${venue.now}` : ""
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      body: `{"lastUpdateId":${venue.number(instrument.sequence)}${times},"bids":${bids},"asks":${asks}}`
    }
  }

/** What a snapshot costs, by its size. */
export const weight =
  (steps: ReadonlyArray<readonly [limit: number, weight: number]>): NonNullable<Rules["weight"]> =>
  (url) => {
    const limit = Number(url.searchParams.get("limit") ?? 100)
    return steps.find(([most]) => limit <= most)?.[1] ?? steps.at(-1)?.[1] ?? 1
  }
