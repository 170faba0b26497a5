/**
 * Gate v4, spot and USDT futures. Books start from a snapshot over HTTP.
 *
 * @since 0.1.0
 */
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as Item from "../internal/json/item.ts"
import * as Kit from "../internal/venue/kit.ts"
import * as Sequencer from "../Sequencer.ts"
import type { Options, Table, Venue } from "../Venue.ts"

/**
 * Gate's numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const table: Table = {
  dated: "2026-11-28",
  sources: ["https://www.gate.io/docs/developers/apiv4/ws/en/", "https://github.com/gateio/gatews/issues/25"],
  evidence: Kit.evidence({ measured: ["send", "perConnection"] }),
  limits: Kit.limits({
    // The venue says that there is none; 150 frames at once were fine.
    send: [{ minGap: "20 millis" }],
    // The venue limits nothing and advises at most 100 open connections.
    dial: { limit: 30, window: "1 minute" },
    batch: { items: 1, bytes: undefined },
    // A socket whose reader is slow is closed, so it should not carry too much.
    perConnection: { topics: 150, characters: undefined },
    rest: { limit: 150, window: "10 seconds", snapshot: 1 }
  })
}

const names = { trades: "trades", book: "order_book_update", ticker: "book_ticker" } as const

const request =
  (event: "subscribe" | "unsubscribe", market: string, seconds: () => number): Venue["subscribe"] =>
  (topics, id) =>
    topics.map(({ channel, symbol }) => {
      const payload = channel === "book" ? [symbol, "100ms"] : [symbol]
      return Kit.json({ time: seconds(), id, channel: `${market}.${names[channel]}`, event, payload })
    })

const classify: Venue["classify"] = (raw) => {
  if (!Kit.isWhole(raw)) return Kit.unknown
  const channel = Kit.valueOf(raw, "channel")
  const event = Kit.valueOf(raw, "event")
  if (channel === undefined) return Kit.unknown
  if (channel.endsWith(".pong")) return Kit.beat
  if (Kit.valueOf(raw, "type") === "upgrade") return Kit.notice("rotate")
  if (event === "subscribe" || event === "unsubscribe") {
    const id = Kit.valueOf(raw, "id")
    const reason = Kit.valueOf(raw, "message")
    return Kit.answer(raw.includes('"success"') ? Subscriptions.ack(id) : Subscriptions.nack({ id, reason }))
  }
  const symbol = lastText(raw, "s") ?? Kit.valueOf(raw, "currency_pair") ?? Kit.valueOf(raw, "contract")
  return symbol === undefined ? Kit.unknown : Kit.data(`${channel}:${symbol}`)
}

/** Levels of futures have an `s` too, their size: the symbol's comes after them. */
const lastText = (raw: string, name: string): string | undefined => {
  const found = raw.lastIndexOf(`"${name}":"`)
  return found < 0 ? undefined : Kit.valueIn(raw.slice(found, found + 100), name)
}

const decoder = (market: "spot" | "futures") => {
  const [p, s] = market === "spot" ? [0, 1] : ["p", "s"]
  const decode = Kit.decoder("gate", (frame, topic, arrivalTime) => {
    if (topic.channel === "trades" && frame.isList("result"))
      return frame.map("result", (item) => tradeOf(item, arrivalTime))
    const item = frame.object("result")
    if (topic.channel === "trades") return [tradeOf(item, arrivalTime)]
    const symbol = item.text("s")
    const stamps = { venueTime: item.millis("t"), arrivalTime }
    if (topic.channel === "ticker") {
      return [Kit.ticker(stamps, symbol, item.quote("b", "B"), item.quote("a", "A"), undefined)]
    }
    const [bids, asks] = [item.changes("b", p, s), item.changes("a", p, s)]
    const [first, last] = [item.sequence("U"), item.sequence("u")]
    return [Kit.bookUpdate(stamps, { symbol, kind: "delta", bids, asks, first, last })]
  })
  const base = `https://api.gateio.ws/api/v4/${market === "spot" ? "spot" : "futures/usdt"}/order_book`
  const snapshot = Kit.snapshot(
    "gate",
    (symbol) => `${base}?${market === "spot" ? "currency_pair" : "contract"}=${symbol}&limit=100&with_id=true`,
    (body, { symbol }, arrivalTime) => {
      const stamps = { venueTime: body.millis("update"), arrivalTime }
      const [bids, asks] = [body.changes("bids", p, s), body.changes("asks", p, s)]
      return Kit.bookUpdate(stamps, { symbol, kind: "snapshot", bids, asks, last: body.sequence("id") })
    }
  )
  return { decode, snapshot }
}

const tradeOf = (item: Item.Item, arrivalTime: number) => {
  // Spot names an amount and a side; futures say the side by the sign of the size.
  const spot = !item.isMissing("side")
  const { negative, size } = Item.signed(item.decimal(spot ? "amount" : "size"))
  return Kit.trade(
    { venueTime: item.millis("create_time_ms"), arrivalTime },
    item.text(spot ? "currency_pair" : "contract"),
    {
      id: item.decimal("id"),
      side: spot ? item.side("side") : negative ? "sell" : "buy",
      price: item.decimal("price"),
      size
    }
  )
}

/**
 * Makes the venue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options & {
    /** Which products. Default: `"spot"`. */
    readonly market?: "spot" | "futures" | undefined
    /** The clock that stamps requests, in Unix milliseconds. Default: `Date.now`. */
    readonly now?: (() => number) | undefined
  } = {}
): Venue => {
  const { market = "spot", now = Date.now } = options
  // The venue wants the time of each request, in whole seconds.
  const seconds = () => Math.floor(now() / 1000)
  return Kit.venue(
    "gate",
    table,
    {
      target: market === "spot" ? "wss://api.gateio.ws/ws/v4/" : "wss://fx-ws.gateio.ws/v4/ws/usdt",
      heartbeat: Heartbeat.json({
        make: () => ({ time: seconds(), channel: `${market}.ping` }),
        match: (message) => Kit.fieldOf(message, "channel") === `${market}.pong`,
        contains: ".pong"
      }),
      key: ({ channel, symbol }) => `${market}.${names[channel]}:${symbol}`,
      subscribe: request("subscribe", market, seconds),
      unsubscribe: request("unsubscribe", market, seconds),
      classify,
      ...decoder(market),
      choices: { market: ["spot", "futures"], now: "function" },
      continuity: { sequencer: Sequencer.make("range", "rest"), bootstrap: "rest", snapshotLevels: 100 }
    },
    options
  )
}
