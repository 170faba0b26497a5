/** Where to dial each venue's simulator, and what a client must say there to stay. */
import type * as Simulator from "../../src/simulator/Simulator.ts"

export interface Line {
  readonly url: (simulator: Simulator.Simulator) => string
  /** What opens a session. */
  readonly first?: string
  /** What a client says every so often. */
  readonly beat?: readonly [every: number, frame: string]
  /** What a client answers to a frame. */
  readonly reply?: (text: string) => string | undefined
  /** How many levels a book has at least. Default: 10. */
  readonly depth?: number
  /** Where the trades are, if elsewhere. */
  readonly trades?: string
}

const token = (simulator: Simulator.Simulator): string => {
  const { body } = simulator.request(
    { method: "POST", url: "https://api.kucoin.com/api/v1/bullet-public" },
    simulator.now
  )
  const { data } = JSON.parse(body) as { data: { token: string; instanceServers: [{ endpoint: string }] } }
  return `${data.instanceServers[0].endpoint}?token=${data.token}&connectId=a`
}

export const lines: Readonly<Record<Simulator.VenueId, Line>> = {
  "binance-spot": { url: () => "wss://stream.binance.com:9443/stream" },
  "binance-usdm": {
    url: () => "wss://fstream.binance.com/public/stream",
    trades: "wss://fstream.binance.com/market/stream"
  },
  "bitfinex": {
    url: () => "wss://api-pub.bitfinex.com/ws/2",
    first: `{"event":"conf","flags":196608}`
  },
  "bitget": { url: () => "wss://ws.bitget.com/v2/ws/public", beat: [30_000, "ping"] },
  "deribit": {
    url: () => "wss://streams.deribit.com/ws/api/v2",
    first: `{"jsonrpc":"2.0","id":1,"method":"public/set_heartbeat","params":{"interval":30}}`,
    reply: (text) =>
      text.includes("test_request") ? `{"jsonrpc":"2.0","id":2,"method":"public/test","params":{}}` : undefined
  },
  "gate": { url: () => "wss://api.gateio.ws/ws/v4/", beat: [20_000, `{"time":0,"channel":"spot.ping"}`] },
  "hyperliquid": { url: () => "wss://api.hyperliquid.xyz/ws", depth: 5, beat: [20_000, `{"method":"ping"}`] },
  "bybit": {
    url: () => "wss://stream.bybit.com/v5/public/linear",
    beat: [20_000, `{"req_id":"b","op":"ping"}`]
  },
  "coinbase": {
    url: () => "wss://advanced-trade-ws.coinbase.com",
    first: `{"type":"subscribe","channel":"heartbeats"}`
  },
  "kraken": { url: () => "wss://ws.kraken.com/v2" },
  "kucoin": { url: token, beat: [18_000, `{"id":"b","type":"ping"}`] },
  "okx": { url: () => "wss://ws.okx.com/ws/v5/public", beat: [20_000, "ping"] }
}
