/**
 * Binance USD-M: books and quotes on one path, the rest on another. A stream on
 * the wrong path is granted and stays silent; so it is on the old path without a name.
 */
import type { Rules } from "../../engine/rules.ts"
import * as Decimal from "../../wire/decimal.ts"
import * as Binance from "./shared.ts"

const spelling: Binance.Spelling = {
  price: ({ asset }, ticks) => Decimal.fixed(ticks, asset.priceDigits),
  size: ({ asset }, lots) => Decimal.fixed(lots, asset.sizeDigits),
  chained: true
}

const carries: Binance.Carries = ({ url }, name) => {
  const isPublic = /@(?:depth|bookTicker|trade)/.test(name)
  return url.pathname.startsWith("/market/") ? !isPublic : isPublic
}

export const binanceUsdm: Rules = {
  id: "binance-usdm",
  hosts: ["fstream.binance.com", "fapi.binance.com"],
  numbers: {
    dials: { limit: 300, window: 300_000, status: 429, ban: 120_000 },
    inbound: { limit: 10, window: 1000, control: true, penalty: 120_000 },
    serverPing: { every: 180_000, deadline: 600_000 },
    maxAge: 86_400_000,
    frameBytes: 4096,
    topicsPerConnection: 1024,
    requests: { limit: 2400, window: 60_000, status: 429, ban: { after: 5, status: 418, millis: 120_000 } }
  },
  symbol: ({ base }) => `${base}USDT`,
  price: spelling.price,
  size: spelling.size,
  dial: ({ pathname }) => (/^(?:\/(?:public|market))?\/(?:ws(?:\/|$)|stream$)/.test(pathname) ? undefined : 404),
  opened: Binance.opened(carries),
  received: Binance.received(carries),
  ...Binance.frames(spelling),
  notice: Binance.notice,
  request: Binance.depth("/fapi/v1/depth", spelling),
  weight: Binance.weight([
    [50, 2],
    [100, 5],
    [500, 10],
    [1000, 20]
  ])
}
