/**
 * A made-up fleet for the page's tests and pictures: rows of any number of
 * connections, which live a little every second. The seed alone decides.
 */
import type { Row, StateName, Totals, View } from "../../src/internal/wire/wire.ts"
import { states } from "../../src/internal/wire/wire.ts"
import { mulberry32 } from "../../../kharbranth/test/support/random.ts"

const venues = ["binance", "bybit", "coinbase", "deribit", "kraken", "okx", "bitget", "gate"]
const coins = ["btc", "eth", "sol", "xrp", "ada", "doge", "ltc", "dot", "avax", "link", "uni", "atom", "near", "apt"]
const kinds = ["trades", "book", "ticker", "funding", "candles"]
const quotes = ["usdt", "usdc", "usd", "eur", "btc"]

export interface World {
  readonly rows: Array<Row>
  /** A second passes. */
  readonly step: (now: number) => void
  readonly change: (id: number, change: Partial<Row>) => void
  readonly window: (view: View) => { readonly total: number; readonly rows: ReadonlyArray<Row> }
  readonly totals: (now: number) => Totals
  readonly cells: () => string
}

const quiet = { messages: 0, bytes: 0 }

const details: Readonly<Record<StateName, string>> = {
  Connected: "Stable",
  Connecting: "Dialing",
  Reconnecting: "dial 3",
  Failed: "recoverable",
  Disconnected: "Paused",
  Closing: ""
}

const whys: Readonly<Partial<Record<StateName, string>>> = {
  Connecting: "the breaker of wss://feed.okx.example is Open: dials in a row failed; the last: HTTP 503",
  Reconnecting:
    "ping 812 (12:03:20.1) unanswered for 10 s; nothing at all since 12:03:14.8 → session 7 ended (PongReceiveTimeout, lived 3 h 12 m)",
  Failed: "dial 1 HTTP 401 → Refresh (target ran with refresh: true); dial 2 HTTP 401 → Stop: refused a fresh token"
}

const blames: Readonly<Partial<Record<StateName, string>>> = {
  Connecting: "server",
  Reconnecting: "network",
  Failed: "credentials"
}

export const makeWorld = (size: number, seed = 7, begun = Date.now()): World => {
  const random = mulberry32(seed)
  const pick = <A>(of: ReadonlyArray<A>): A => of[Math.floor(random() * of.length)]!

  /** One venue is having a bad day; elsewhere trouble is rare. */
  const stateOf = (venue: string, index: number): StateName => {
    const chance = random()
    const isBad = venue === "okx" && index % 1250 > 800
    if (chance < (isBad ? 0.5 : 0.003)) return "Reconnecting"
    if (chance < (isBad ? 0.6 : 0.005)) return "Connecting"
    if (chance < 0.0065) return "Failed"
    if (chance < 0.012) return "Disconnected"
    return chance < 0.0122 ? "Closing" : "Connected"
  }

  const make = (_: unknown, index: number): Row => {
    const venue = venues[Math.floor((index / size) * venues.length)]!
    const state = stateOf(venue, index)
    const isUp = state === "Connected"
    const base = 8 + random() * 60
    const isSlow = isUp && random() < 0.004
    return {
      id: index + 1,
      name: `${venue}/${pick(coins)}-${pick(quotes)}/${pick(kinds)}`,
      tags: [venue === "deribit" ? "options" : pick(["spot", "perp"])],
      origin: `wss://feed.${venue}.example`,
      state,
      detail: details[state],
      blame: isSlow ? "your reader" : blames[state],
      epoch: 1 + Math.floor(random() * random() * 14),
      since: begun - (isUp ? Math.floor(random() * 30_000_000) : Math.floor(random() * 90_000)),
      inRate: isUp ? Math.floor(random() * random() * 900) / 10 : 0,
      outRate: isUp && random() < 0.2 ? Math.floor(random() * 30) / 10 : 0,
      rtt: isUp ? base : undefined,
      rtts: isUp ? Array.from({ length: 20 }, () => base * (0.8 + random() * (random() < 0.1 ? 2 : 0.4))) : [],
      inbox: isSlow ? { messages: 412, bytes: 65_536 } : quiet,
      outbox: isUp
        ? { ...quiet, oldestAge: undefined }
        : { messages: Math.floor(random() * 40), bytes: 4000, oldestAge: 11_400 },
      gaps: isUp && random() < 0.97 ? 0 : 1 + Math.floor(random() * 3),
      nextAt: state === "Reconnecting" ? begun + Math.floor(random() * 14_000) : undefined,
      why: isSlow
        ? "the inbox has been full for 7.2 s (65,536 bytes, 412 messages); the socket is paused since 12:05:01.0"
        : whys[state]
    }
  }

  const rows: Array<Row> = Array.from({ length: size }, make)

  const live = (row: Row, now: number): Row => {
    if (row.state !== "Connected")
      return {
        ...row,
        nextAt: row.nextAt !== undefined && row.nextAt < now ? now + 9000 : row.nextAt
      }
    const rtt = row.rtt === undefined ? undefined : Math.max(4, row.rtt * (0.9 + random() * 0.2))
    return {
      ...row,
      inRate: Math.round(row.inRate * (0.9 + random() * 0.2) * 10) / 10,
      rtt,
      rtts: rtt === undefined ? row.rtts : [...row.rtts.slice(-19), rtt]
    }
  }

  const keys: Readonly<Record<View["sort"], (row: Row) => number | string | undefined>> = {
    name: ({ name }) => name,
    state: ({ state }) => states.indexOf(state),
    blame: ({ blame }) => blame,
    epoch: ({ epoch }) => epoch,
    age: ({ since }) => -since,
    inRate: ({ inRate }) => inRate,
    outRate: ({ outRate }) => outRate,
    rtt: ({ rtt }) => rtt,
    inbox: ({ inbox }) => inbox.bytes,
    outbox: ({ outbox }) => outbox.messages,
    gaps: ({ gaps }) => gaps,
    next: ({ nextAt }) => nextAt
  }

  const compareBy =
    ({ descending, sort }: View) =>
    (one: Row, other: Row) => {
      const [a, b] = [keys[sort](one), keys[sort](other)]
      if (a === b) return one.id - other.id
      if (a === undefined) return 1
      if (b === undefined) return -1
      return (a < b ? -1 : 1) * (descending ? -1 : 1)
    }

  /** Sorting everybody for each question would be the slowest part of a test. */
  let version = 0
  let ordered = { key: "", rows: [] as ReadonlyArray<Row> }

  const order = (view: View): ReadonlyArray<Row> => {
    const key = JSON.stringify([version, view.sort, view.descending, view.text, view.states])
    if (key === ordered.key) return ordered.rows
    const text = view.text.toLowerCase()
    const seen = rows.filter(({ name, state, tags }) => {
      const isNamed = text === "" || [name, ...tags].some((word) => word.toLowerCase().includes(text))
      return isNamed && (view.states.length === 0 || view.states.includes(state))
    })
    ordered = { key, rows: seen.toSorted(compareBy(view)) }
    return ordered.rows
  }

  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0)

  return {
    rows,
    step: (now) => {
      for (const [index, row] of rows.entries()) rows[index] = live(row, now)
      version++
    },
    change: (id, change) => {
      const index = rows.findIndex((row) => row.id === id)
      rows[index] = { ...rows[index]!, ...change }
      version++
    },
    window: (view) => {
      const seen = order(view)
      return { total: seen.length, rows: seen.slice(view.from, view.to) }
    },
    totals: (now) => {
      const blame: Record<string, number> = {}
      const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<StateName, number>
      for (const row of rows) {
        counts[row.state]++
        if (row.blame !== undefined) blame[row.blame] = (blame[row.blame] ?? 0) + 1
      }
      return {
        t: "totals",
        now,
        connections: rows.length,
        states: counts,
        blame,
        inRate: sum(({ inRate }) => inRate),
        outRate: sum(({ outRate }) => outRate),
        gaps: sum(({ gaps }) => gaps),
        losses: 0,
        breakersOpen: 1,
        loopDelay: 1.4
      }
    },
    cells: () => rows.map(({ state }) => states.indexOf(state)).join("")
  }
}
