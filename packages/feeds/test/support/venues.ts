/**
 * Scripted venues on a `TestNetwork`, each with the frames of one real dialect:
 * they grant what is asked for, publish what a `Market` does, and lose, double or
 * swap frames on demand. What the HTTP side answers is scripted too.
 */
import * as Effect from "effect/Effect"
import type * as TestNetwork from "kharbranth/testing/TestNetwork"
import type * as Rest from "../../src/Rest.ts"
import * as Topic from "../../src/Topic.ts"
import type { Venue } from "../../src/Venue.ts"
import * as BinanceSpot from "../../src/venues/BinanceSpot.ts"
import * as BinanceUsdm from "../../src/venues/BinanceUsdm.ts"
import * as Bybit from "../../src/venues/Bybit.ts"
import * as Coinbase from "../../src/venues/Coinbase.ts"
import { type Delta, Market, type MarketTrade } from "./market.ts"

/** How a dialect spells what a market does. */
export interface Dialect {
  readonly url: string
  readonly venue: Venue
  /** The keys that a request asks for or leaves, and the frames that answer it. */
  readonly request: (
    text: string
  ) =>
    | { readonly op: "subscribe" | "unsubscribe"; readonly keys: ReadonlyArray<string>; readonly ack: string }
    | undefined
  /** What a new subscription is sent at once, besides its answer. */
  readonly snapshot?: ((symbol: string, market: Market) => Frame) | undefined
  readonly delta: (symbol: string, delta: Delta) => Frame
  readonly trade: (symbol: string, trade: MarketTrade) => Frame
  readonly ticker: (symbol: string, market: Market, at: number) => Frame
  /** The body of a snapshot over HTTP. */
  readonly rest?: ((market: Market) => string) | undefined
  readonly trades?: ((market: Market, url: string) => string) | undefined
}

/** A frame; one that counts all frames of its socket is a function of that count. */
export type Frame = string | ((count: number) => string)

const symbol = "BTCUSDT"

const bybit = (): Dialect => {
  const url = "wss://bybit.example/public"
  const frame = (topic: string, type: string, data: unknown, at = 0) => JSON.stringify({ topic, type, ts: at, data })
  const book = (name: string, type: string, bids: unknown, asks: unknown, u: number) =>
    frame(`orderbook.200.${name}`, type, { s: name, b: bids, a: asks, u, seq: u })
  return {
    url,
    venue: Bybit.make({ target: url }),
    request: (text) => {
      const { args, op, req_id } = JSON.parse(text) as { op: string; args?: ReadonlyArray<string>; req_id: string }
      if (op !== "subscribe" && op !== "unsubscribe") return undefined
      return { op, keys: args ?? [], ack: JSON.stringify({ success: true, ret_msg: "", req_id, op }) }
    },
    snapshot: (name, market) => book(name, "snapshot", market.levels.bids, market.levels.asks, market.sequence),
    delta: (name, { asks, bids, sequence }) => book(name, "delta", bids, asks, sequence),
    trade: (name, { at, id, price, size }) =>
      frame(`publicTrade.${name}`, "snapshot", [{ T: at, s: name, S: "Buy", v: size, p: price, i: `t${id}` }], at),
    ticker: (name, { levels: { asks, bids } }, at) =>
      frame(`tickers.${name}`, "snapshot", { symbol: name, bid1Price: bids[0]?.[0], ask1Price: asks[0]?.[0] }, at)
  }
}

const binance = (venue: Venue, url: string, chained: boolean): Dialect => {
  const frame = (stream: string, data: unknown) => JSON.stringify({ stream, data })
  const lower = (name: string) => name.toLowerCase()
  return {
    url,
    venue,
    request: (text) => {
      const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: ReadonlyArray<string> }
      const op = method === "SUBSCRIBE" ? "subscribe" : "unsubscribe"
      return { op, keys: params, ack: JSON.stringify({ result: null, id }) }
    },
    delta: (name, { asks, bids, sequence }) =>
      frame(`${lower(name)}@depth@100ms`, {
        e: "depthUpdate",
        s: name,
        U: sequence,
        u: sequence,
        ...(chained && { pu: sequence - 1 }),
        b: bids,
        a: asks
      }),
    trade: (name, { at, id, price, size }) =>
      frame(`${lower(name)}@aggTrade`, { e: "aggTrade", E: at, s: name, a: id, p: price, q: size, T: at, m: false }),
    ticker: (name, { levels: { asks, bids } }, at) =>
      frame(`${lower(name)}@bookTicker`, {
        s: name,
        b: bids[0]?.[0],
        B: bids[0]?.[1],
        a: asks[0]?.[0],
        A: asks[0]?.[1],
        T: at
      }),
    rest: (market) =>
      JSON.stringify({ lastUpdateId: market.sequence, bids: market.levels.bids, asks: market.levels.asks }),
    trades: (market, address) => {
      const from = Number(new URL(address).searchParams.get("fromId"))
      return JSON.stringify(
        market.trades
          .filter(({ id }) => id >= from)
          .map(({ at, id, price, size }) => ({ a: id, p: price, q: size, T: at, m: false }))
      )
    }
  }
}

const coinbase = (): Dialect => {
  const url = "wss://coinbase.example/"
  const frame =
    (channel: string, events: unknown): Frame =>
    (count) =>
      JSON.stringify({ channel, timestamp: "2026-11-28T00:00:00Z", sequence_num: count, events })
  const level2 = (type: string, name: string, bids: Delta["bids"], asks: Delta["asks"]) => {
    const updates = [["bid", bids] as const, ["offer", asks] as const].flatMap(([side, levels]) =>
      levels.map(([price_level, new_quantity]) => ({ side, price_level, new_quantity }))
    )
    return frame("l2_data", [{ type, product_id: name, updates }])
  }
  return {
    url,
    venue: Coinbase.make({ target: url }),
    request: (text) => {
      const { channel, product_ids, type } = JSON.parse(text) as Record<string, string> & {
        product_ids?: ReadonlyArray<string>
      }
      if (channel === "heartbeats") return undefined
      const keys = (product_ids ?? []).map((name) => `${channel}:${name}`)
      return { op: type as "subscribe", keys, ack: "" }
    },
    snapshot: (name, market) => level2("snapshot", name, market.levels.bids, market.levels.asks),
    delta: (name, { asks, bids }) => level2("update", name, bids, asks),
    trade: (name, { at, id, price, size }) =>
      frame("market_trades", [
        {
          type: "update",
          trades: [
            { product_id: name, trade_id: String(id), side: "SELL", price, size, time: new Date(at).toISOString() }
          ]
        }
      ]),
    ticker: (name, { levels: { asks, bids } }) =>
      frame("ticker", [
        { type: "update", tickers: [{ product_id: name, best_bid: bids[0]?.[0], best_ask: asks[0]?.[0] }] }
      ])
  }
}

export const dialects = {
  bybit,
  binanceSpot: () =>
    binance(BinanceSpot.make({ target: "wss://binance.example/stream" }), "wss://binance.example/stream", false),
  binanceUsdm: () =>
    binance(BinanceUsdm.make({ target: "wss://usdm.example/stream" }), "wss://usdm.example/stream", true),
  coinbase
}

/** A dialect with an adapter of a user's, which throws while `broken` says so. */
export const throwing = (dialect: Dialect, broken: () => boolean): Dialect => {
  const decode: Venue["decode"] = (...frame) => {
    if (broken()) throw new Error("a mistake")
    return dialect.venue.decode(...frame)
  }
  return { ...dialect, venue: { ...dialect.venue, decode } }
}

interface Socket {
  readonly peer: TestNetwork.Peer
  readonly keys: Set<string>
  count: number
}

export interface Asked {
  readonly peer: number
  readonly op: "subscribe" | "unsubscribe"
  readonly keys: ReadonlyArray<string>
}

/** One venue with one market of one symbol. */
export class ScriptedVenue {
  readonly dialect: Dialect
  readonly market: Market
  readonly symbol: string
  readonly asked: Array<Asked> = []
  readonly requests: Array<string> = []
  /** What becomes of the next data frame. */
  fault: "none" | "drop" | "double" | "garble" = "none"
  /** Whether subscriptions are answered. */
  acks = true
  /** Whether the next count of each socket is left out. */
  skip = false
  /** What a request is refused with, by its id. */
  refusal: ((id: unknown) => string) | undefined
  /** What HTTP answers instead of a snapshot. */
  restAnswer: (() => Rest.Response) | undefined
  private readonly sockets = new Map<number, Socket>()

  constructor(dialect: Dialect, seed = 1, name = symbol) {
    this.dialect = dialect
    this.market = new Market(seed)
    this.symbol = name
  }

  get venue(): Venue {
    return this.dialect.venue
  }

  get open(): number {
    return this.sockets.size
  }

  readonly script = (peer: TestNetwork.Peer): Effect.Effect<void> => {
    const socket: Socket = { peer, keys: new Set(), count: 0 }
    this.sockets.set(peer.id, socket)
    return peer.listen({
      frame: (frame) => this.hear(socket, String(frame)),
      ended: () => void this.sockets.delete(peer.id)
    })
  }

  /** The HTTP side. */
  readonly fetch: Rest.Fetch = ({ url }) =>
    Effect.sync(() => {
      this.requests.push(url)
      if (this.restAnswer !== undefined) return this.restAnswer()
      const { rest, trades } = this.dialect
      const body = /trades/i.test(url) ? trades?.(this.market, url) : rest?.(this.market)
      return { status: body === undefined ? 404 : 200, retryAfter: undefined, body: body ?? "" }
    })

  change(): void {
    this.publish("book", this.dialect.delta(this.symbol, this.market.change()))
  }

  trade(at = 0): void {
    this.publish("trades", this.dialect.trade(this.symbol, this.market.trade(at)))
  }

  tick(at = 0): void {
    this.publish("ticker", this.dialect.ticker(this.symbol, this.market, at))
  }

  /** Sends a frame to every socket that has the topic. */
  publish(channel: Topic.Channel, frame: Frame): void {
    const { fault } = this
    this.fault = "none"
    const key = this.venue.key({ channel, symbol: this.symbol })
    const { skip } = this
    this.skip = false
    for (const socket of this.sockets.values()) {
      if (!socket.keys.has(key)) continue
      if (skip) socket.count++
      const text = this.count(socket, frame)
      if (fault === "garble") this.say(socket, text.replace(/\[/, "{"))
      else if (fault !== "drop") this.say(socket, text)
      if (fault === "double") this.say(socket, text)
    }
  }

  /** Sends any frame to every socket. */
  shout(frame: Frame): void {
    for (const socket of this.sockets.values()) this.say(socket, this.count(socket, frame))
  }

  /** Cuts every socket. */
  readonly cut = Effect.suspend(() =>
    Effect.forEach([...this.sockets.values()], ({ peer }) => peer.reset, { discard: true })
  )

  /** Cuts the oldest socket. */
  readonly cutOne = Effect.suspend(() => [...this.sockets.values()][0]?.peer.reset ?? Effect.void)

  private count(socket: Socket, frame: Frame): string {
    return typeof frame === "string" ? frame : frame(socket.count++)
  }

  private say({ peer }: Socket, text: string): void {
    peer.sendUnsafe([text])
  }

  private hear(socket: Socket, text: string): void {
    const request = this.dialect.request(text)
    if (request === undefined) return
    const { ack, keys, op } = request
    this.asked.push({ peer: socket.peer.id, op, keys })
    if (!this.acks) return
    if (this.refusal !== undefined) return this.say(socket, this.refusal(JSON.parse(text).req_id))
    for (const key of keys) {
      if (op === "subscribe") socket.keys.add(key)
      else socket.keys.delete(key)
    }
    if (ack !== "") this.say(socket, ack)
    else this.say(socket, this.count(socket, current(socket.keys)))
    const book = this.venue.key(Topic.book(this.symbol))
    const { snapshot } = this.dialect
    if (op === "subscribe" && keys.includes(book) && snapshot !== undefined) {
      this.say(socket, this.count(socket, snapshot(this.symbol, this.market)))
    }
  }
}

/** Coinbase's one answer: everything that the socket has. */
const current = (keys: ReadonlySet<string>): Frame => {
  const channels: Record<string, Array<string>> = {}
  for (const key of keys) {
    const [channel = "", name = ""] = key.split(":")
    ;(channels[channel] ??= []).push(name)
  }
  return (count) =>
    JSON.stringify({ channel: "subscriptions", sequence_num: count, events: [{ subscriptions: channels }] })
}
