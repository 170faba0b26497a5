/** Binance spot: frames of every kind count, pongs too, and a frame that is too long is never answered. */
import type { Rules } from "../../engine/rules.ts"
import * as Binance from "./shared.ts"

const spelling: Binance.Spelling = { price: Binance.price, size: Binance.size, chained: false }

const everywhere = () => true

export const binanceSpot: Rules = {
  id: "binance-spot",
  hosts: [
    "stream.binance.com:9443",
    "stream.binance.com",
    "data-stream.binance.vision",
    "api.binance.com",
    "data-api.binance.vision"
  ],
  numbers: {
    dials: { limit: 300, window: 300_000, status: 429, ban: 120_000 },
    inbound: { limit: 5, window: 1000, control: true, penalty: 120_000 },
    serverPing: { every: 20_000, deadline: 60_000 },
    maxAge: 86_400_000,
    frameBytes: 4096,
    topicsPerConnection: 1024,
    requests: { limit: 6000, window: 60_000, status: 429, ban: { after: 5, status: 418, millis: 120_000 } }
  },
  symbol: ({ base }) => `${base}USDT`,
  price: spelling.price,
  size: spelling.size,
  dial: ({ pathname }) => (/^\/(?:ws(?:\/|$)|stream$)/.test(pathname) ? undefined : 404),
  opened: Binance.opened(everywhere),
  received: Binance.received(everywhere),
  ...Binance.frames(spelling),
  notice: Binance.notice,
  request: Binance.depth("/api/v3/depth", spelling),
  weight: Binance.weight([
    [100, 5],
    [500, 25],
    [1000, 50],
    [5000, 250]
  ])
}
