/**
 * Frames of three venues, made up, of the shapes and lengths that recorded sessions
 * have: for each topic a short history that ends as it began, so that it can be
 * sent again and again. `<n>` stands for a number that goes on from pass to pass.
 */

/** How a topic is named in a request and in `topics.ts`'s answers. */
export interface Named {
  readonly channel: "trades" | "book" | "ticker"
  readonly symbol: string
}

/** What a client said: a request, or a word that keeps the socket open. */
export type Heard =
  | { readonly _tag: "Request"; readonly topics: ReadonlyArray<Named>; readonly answers: ReadonlyArray<string> }
  | { readonly _tag: "Ping"; readonly answer: string }

export interface Dialect {
  readonly hear: (text: string) => Heard | undefined
  /** Sent to a new subscriber of a book. */
  readonly snapshot: (symbol: string, bids: string, asks: string) => string | undefined
  readonly change: (symbol: string, bids: string, asks: string, number: number) => string
  readonly trades: (symbol: string, trades: ReadonlyArray<Trade>) => string
  readonly ticker: (symbol: string, quote: Quote) => string
  readonly level: (price: string, size: string) => string
}

export interface Trade {
  readonly number: number
  readonly price: string
  readonly size: string
  readonly side: "buy" | "sell"
}

export interface Quote {
  readonly bid: string
  readonly bidSize: string
  readonly ask: string
  readonly askSize: string
}

const at = 1_786_310_823_435

const channels: Readonly<Record<string, Named["channel"]>> = {
  publicTrade: "trades",
  trades: "trades",
  aggTrade: "trades",
  orderbook: "book",
  books: "book",
  depth: "book",
  tickers: "ticker",
  bookTicker: "ticker"
}

const named = (channel: string, symbol: string): Named => ({ channel: channels[channel] ?? "trades", symbol })

interface Fields {
  readonly op?: string
  readonly method?: string
  readonly id?: string | number
  readonly req_id?: string
  readonly args?: ReadonlyArray<unknown>
  readonly params?: ReadonlyArray<string>
}

const bybit: Dialect = {
  hear: (text) => {
    const { args = [], op, req_id } = JSON.parse(text) as Fields
    if (op === "ping") return { _tag: "Ping", answer: JSON.stringify({ success: true, ret_msg: "pong", req_id, op }) }
    const topics = args.map((key) => {
      const parts = String(key).split(".")
      return named(parts[0] ?? "", parts.at(-1) ?? "")
    })
    return { _tag: "Request", topics, answers: [JSON.stringify({ success: true, ret_msg: "", req_id, op })] }
  },
  snapshot: (symbol, bids, asks) =>
    `{"topic":"orderbook.200.${symbol}","type":"snapshot","ts":${at},"data":{"s":"${symbol}","b":[${bids}],"a":[${asks}],"u":<-1>,"seq":<-1>},"cts":${at}}`,
  change: (symbol, bids, asks, number) =>
    `{"topic":"orderbook.200.${symbol}","type":"delta","ts":${at},"data":{"s":"${symbol}","b":[${bids}],"a":[${asks}],"u":<${number}>,"seq":<${number}>},"cts":${at}}`,
  trades: (symbol, trades) =>
    `{"topic":"publicTrade.${symbol}","type":"snapshot","ts":${at},"data":[${trades
      .map(
        ({ number, price, side, size }) =>
          `{"T":${at},"s":"${symbol}","S":"${side === "buy" ? "Buy" : "Sell"}","v":"${size}","p":"${price}","L":"PlusTick","i":"19d7df56-4f10-5290-a969-<${number}>","BT":false,"RPI":false,"seq":430879434439}`
      )
      .join(",")}]}`,
  ticker: (symbol, { ask, askSize, bid, bidSize }) =>
    `{"topic":"tickers.${symbol}","type":"delta","data":{"symbol":"${symbol}","bid1Price":"${bid}","bid1Size":"${bidSize}","ask1Price":"${ask}","ask1Size":"${askSize}"},"cs":753843925265,"ts":${at}}`,
  level: (price, size) => `["${price}","${size}"]`
}

const okx: Dialect = {
  hear: (text) => {
    if (text === "ping") return { _tag: "Ping", answer: "pong" }
    const { args = [], id, op } = JSON.parse(text) as Fields
    const asked = args as ReadonlyArray<{ readonly channel: string; readonly instId: string }>
    return {
      _tag: "Request",
      topics: asked.map(({ channel, instId }) => named(channel, instId)),
      answers: asked.map((arg) => JSON.stringify({ id, event: op, arg, connId: "a4d3ae55" }))
    }
  },
  snapshot: (symbol, bids, asks) =>
    `{"arg":{"channel":"books","instId":"${symbol}"},"action":"snapshot","data":[{"asks":[${asks}],"bids":[${bids}],"ts":"${at}","checksum":0,"prevSeqId":-1,"seqId":<-1>}]}`,
  change: (symbol, bids, asks, number) =>
    `{"arg":{"channel":"books","instId":"${symbol}"},"action":"update","data":[{"asks":[${asks}],"bids":[${bids}],"ts":"${at}","checksum":0,"prevSeqId":<${number - 1}>,"seqId":<${number}>}]}`,
  trades: (symbol, trades) =>
    `{"arg":{"channel":"trades","instId":"${symbol}"},"data":[${trades
      .map(
        ({ number, price, side, size }) =>
          `{"instId":"${symbol}","tradeId":"<${number}>","px":"${price}","sz":"${size}","side":"${side}","ts":"${at}","count":"1","source":"0","seqId":430879434439}`
      )
      .join(",")}]}`,
  ticker: (symbol, { ask, askSize, bid, bidSize }) =>
    `{"arg":{"channel":"tickers","instId":"${symbol}"},"data":[{"instType":"SPOT","instId":"${symbol}","last":"${bid}","lastSz":"${bidSize}","askPx":"${ask}","askSz":"${askSize}","bidPx":"${bid}","bidSz":"${bidSize}","open24h":"${ask}","high24h":"${ask}","low24h":"${bid}","sodUtc0":"${bid}","sodUtc8":"${bid}","volCcy24h":"46258703.3","vol24h":"1842.25","ts":"${at}"}]}`,
  level: (price, size) => `["${price}","${size}","0","3"]`
}

const binance: Dialect = {
  hear: (text) => {
    const { id, params = [] } = JSON.parse(text) as Fields
    const topics = params.map((stream) => {
      const [symbol = "", channel = ""] = stream.split("@")
      return named(channel, symbol.toUpperCase())
    })
    return { _tag: "Request", topics, answers: [JSON.stringify({ result: null, id })] }
  },
  // Its first state comes over HTTP.
  snapshot: () => undefined,
  change: (symbol, bids, asks, number) =>
    `{"stream":"${symbol.toLowerCase()}@depth@100ms","data":{"e":"depthUpdate","E":${at},"s":"${symbol}","U":<${number}>,"u":<${number}>,"b":[${bids}],"a":[${asks}]}}`,
  trades: (symbol, [trade]) =>
    `{"stream":"${symbol.toLowerCase()}@aggTrade","data":{"e":"aggTrade","E":${at},"s":"${symbol}","a":<${trade?.number ?? 0}>,"p":"${trade?.price}","q":"${trade?.size}","f":499869760,"l":499869760,"T":${at},"m":${trade?.side === "sell"},"M":true}}`,
  ticker: (symbol, { ask, askSize, bid, bidSize }) =>
    `{"stream":"${symbol.toLowerCase()}@bookTicker","data":{"u":<0>,"s":"${symbol}","b":"${bid}","B":"${bidSize}","a":"${ask}","A":"${askSize}"}}`,
  level: (price, size) => `["${price}","${size}"]`
}

export const dialects: Readonly<Record<string, Dialect>> = { bybit, okx, binance }
