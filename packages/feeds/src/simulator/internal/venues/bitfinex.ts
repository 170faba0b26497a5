/**
 * Bitfinex v2: ids of topics that are valid for one session, frames with one level
 * each, a count over the whole connection and checksums for those who ask for them.
 */
import type { Connection, Encode, Rules, Topic, Update, Venue, Wanted } from "../engine/rules.ts"
import type { Instrument, Trade } from "../market/instrument.ts"
import type { Level } from "../market/side.ts"
import * as Crc32 from "../wire/crc32.ts"
import * as Decimal from "../wire/decimal.ts"
import * as Json from "../wire/json.ts"

/** Numbers lose their zeros and may have an exponent; checksums are made of what is written. */
const price: Rules["price"] = ({ asset }, ticks) => Decimal.printed(ticks, asset.priceDigits)
const size: Rules["size"] = ({ asset }, lots) => Decimal.printed(lots, asset.sizeDigits)

const flags = { timestamps: 32_768, sequence: 65_536, checksum: 131_072 }

const beatTime = 15_000
const checksumTime = 5000

/** A frame of a topic, with the numbers and times that the client has switched on. */
const frame = (connection: Connection, topic: Topic, body: string, at: number): string => {
  const { memory } = connection
  const number = (memory.flags & flags.sequence) === 0 ? "" : `,${++memory.count}`
  const time = (memory.flags & flags.timestamps) === 0 ? "" : `,${at}`
  return `[${memory.ids.get(topic.key) ?? 0},${body}${number}${time}]`
}

const signed = (instrument: Instrument, side: "bids" | "asks", lots: number): string =>
  `${side === "asks" ? "-" : ""}${size(instrument, lots)}`

const level = (instrument: Instrument, side: "bids" | "asks", [ticks, lots]: Level): string =>
  lots === 0
    ? `[${price(instrument, ticks)},0,${side === "asks" ? -1 : 1}]`
    : `[${price(instrument, ticks)},${1 + (lots % 3)},${signed(instrument, side, lots)}]`

const snapshot = (topic: Topic, at: number): Encode => {
  const { instrument, view } = topic
  const { asks, bids } = view?.window ?? { asks: [], bids: [] }
  const levels = [
    ...bids.map((found) => level(instrument, "bids", found)),
    ...asks.map((found) => level(instrument, "asks", found))
  ]
  return (connection) => frame(connection, topic, `[${levels.join(",")}]`, at)
}

/** One frame a level: first what is gone, or the book would cross. */
const changes = (topic: Topic, { asks, at, bids }: Update): Encode => {
  const both = [
    ...bids.map((found) => [found, level(topic.instrument, "bids", found)] as const),
    ...asks.map((found) => [found, level(topic.instrument, "asks", found)] as const)
  ]
  const ordered = both.toSorted(([a], [b]) => Math.sign(a[1]) - Math.sign(b[1])).map(([, text]) => text)
  return (connection) => ordered.map((text) => frame(connection, topic, text, at))
}

const checksum = ({ instrument, view }: Topic): number => {
  const { asks, bids } = view?.window ?? { asks: [], bids: [] }
  const parts: Array<string> = []
  for (let at = 0; at < 25; at++) {
    for (const [side, levels] of [["bids", bids] as const, ["asks", asks] as const]) {
      const [ticks, lots] = levels[at] ?? []
      if (ticks !== undefined && lots !== undefined)
        parts.push(price(instrument, ticks), signed(instrument, side, lots))
    }
  }
  return Crc32.signed(parts.join(":"))
}

const trade = (instrument: Instrument, { at, id, lots, side, ticks }: Trade): string =>
  `[${id},${at},${side === "sell" ? "-" : ""}${size(instrument, lots)},${price(instrument, ticks)}]`

const ticker = (topic: Topic, at: number): Encode => {
  const { instrument } = topic
  const { asks, bids, day, lastTrade } = instrument
  const cost = (ticks: number) => price(instrument, ticks)
  const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
  const body =
    `[${cost(bid)},${size(instrument, bids.at(bid))},${cost(ask)},${size(instrument, asks.at(ask))},0,0,` +
    `${cost(lastTrade.ticks)},${size(instrument, day.lots)},${cost(day.high)},${cost(day.low)},null]`
  return (connection) => frame(connection, topic, body, at)
}

/** What a new subscriber gets at once, and what then comes by itself. */
const begin = (connection: Connection, topic: Topic, venue: Venue): void => {
  const { channel, instrument } = topic
  if (channel === "ticker") venue.show(connection, topic, ticker(topic, venue.now))
  if (channel === "book") venue.show(connection, topic, snapshot(topic, venue.now))
  if (channel === "trades") {
    const recent = [...instrument.recent]
    const list = recent.toReversed().map((found) => trade(instrument, found))
    venue.show(connection, topic, () => frame(connection, topic, `[${list.join(",")}]`, venue.now), recent)
  }
  const beat = () => venue.show(connection, topic, () => frame(connection, topic, `"hb"`, venue.now))
  venue.every(connection, beatTime, beat, topic)
  if (channel !== "book") return
  const sums = () => {
    if ((connection.memory.flags & flags.checksum) === 0) return
    const sum = checksum(topic)
    venue.offer(connection, topic, (_, wrong) => frame(connection, topic, `"cs",${wrong ? sum ^ 1 : sum}`, venue.now))
  }
  venue.every(connection, checksumTime, sums, topic)
}

const wanted = (request: Json.Fields, venue: Venue): Wanted | undefined => {
  const { channel, symbol } = request
  const instrument = venue.instrument(String(symbol))
  if (instrument === undefined) return undefined
  const key = `${String(channel)}:${instrument.symbol}`
  const length = Number(request["len"] ?? 25)
  const [precision, pace] = [request["prec"] ?? "P0", request["freq"] ?? "F0"]
  if (channel === "book" && precision === "P0" && pace === "F0" && [1, 25, 100, 250].includes(length))
    return { key: `${key}:${length}`, channel, instrument, form: String(length), depth: length }
  if (channel === "trades" || channel === "ticker") return { key, channel, instrument, form: channel }
  return undefined
}

const subscribe = (connection: Connection, request: Json.Fields, text: string, venue: Venue): void => {
  const { channel, symbol } = request
  const names = `"channel":${JSON.stringify(channel)},"symbol":${JSON.stringify(symbol)}`
  const refuse = (code: number, message: string) =>
    venue.say(connection, `{${names},"event":"error","msg":"${message}","code":${code}}`)
  const found = wanted(request, venue)
  if (found === undefined) return refuse(10_300, "symbol: invalid")
  const refusal = venue.subscribe(connection, found, text)
  if (refusal === "again") return refuse(10_301, "subscribe: dup")
  if (refusal === "full") return refuse(10_305, "subscribe: limit")
  if (refusal === "poisoned") return
  const { ids } = connection.memory
  const id = connection.id * 10_000 + connection.memory.channels++
  ids.set(found.key, id)
  const book = found.channel === "book" ? `"prec":"P0","freq":"F0","len":"${found.form}",` : ""
  const pair = found.instrument.symbol.slice(1)
  venue.say(connection, `{"event":"subscribed",${names.replace(",", `,"chanId":${id},`)},${book}"pair":"${pair}"}`)
  const topic = connection.topics.get(found.key)?.topic
  if (topic !== undefined) begin(connection, topic, venue)
}

const unsubscribe = (connection: Connection, request: Json.Fields, venue: Venue): void => {
  const { ids } = connection.memory
  const id = request["chanId"]
  const [key] = [...ids].find(([, known]) => known === id) ?? []
  if (key === undefined || venue.unsubscribe(connection, key) === undefined)
    return venue.say(
      connection,
      `{"event":"error","msg":"unsubscribe: invalid","code":10400,"chanId":${JSON.stringify(id)}}`
    )
  ids.delete(key)
  venue.say(connection, `{"event":"unsubscribed","status":"OK","chanId":${String(id)}}`)
}

export const bitfinex: Rules = {
  id: "bitfinex",
  hosts: ["api-pub.bitfinex.com", "api.bitfinex.com"],
  numbers: {
    dials: { limit: 20, window: 60_000, status: 429, ban: 60_000 },
    idle: 60_000,
    topicsPerConnection: 25
  },
  symbol: ({ base }) => (base.length > 3 ? `t${base}:USD` : `t${base}USD`),
  price,
  size,
  dial: ({ pathname }) => (/^\/ws\/2\/?$/.test(pathname) ? undefined : 404),
  opened: (connection, venue) =>
    venue.say(connection, `{"event":"info","version":2,"serverId":"sim-${connection.id}","platform":{"status":1}}`),
  received: (connection, text, venue) => {
    const request = Json.parse(text)
    switch (request?.["event"]) {
      case "conf":
        connection.memory.flags = Number(request["flags"])
        return venue.say(connection, `{"event":"conf","status":"OK","flags":${connection.memory.flags}}`)
      case "ping":
        return venue.say(connection, `{"event":"pong","ts":${venue.now}${Json.member("cid", request["cid"])}}`)
      case "subscribe":
        return subscribe(connection, request, text, venue)
      case "unsubscribe":
        return unsubscribe(connection, request, venue)
      default:
        venue.violate(connection, "malformed", "no known event", text)
        venue.say(connection, `{"event":"error","msg":"unknown event","code":10000}`)
    }
  },
  sums: "apart",
  update: changes,
  tradesPerFrame: 1,
  // Each trade is said twice: as it is executed, and as it is settled.
  traded: (topic, [found]) =>
    found === undefined
      ? undefined
      : (connection) =>
          ["te", "tu"].map((kind) => frame(connection, topic, `"${kind}",${trade(topic.instrument, found)}`, found.at)),
  quoted: ticker,
  notice: (connection, venue) =>
    venue.say(connection, `{"event":"info","code":20051,"msg":"Stopping. Please try to reconnect"}`),
  maintenance: (connection, venue) =>
    venue.say(
      connection,
      `{"event":"info","code":20060,"msg":"Entering in Maintenance mode. Please pause any activity"}`
    ),
  request: () => undefined
}
