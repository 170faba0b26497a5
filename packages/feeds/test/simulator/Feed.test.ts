/**
 * Proves that a feed on simulated venues, which share no code with it, breaks none
 * of their rules and believes no book that never was, while the venues lose,
 * double and swap frames, spoil checksums, stall, cut and announce their ends; and
 * that every book is right at the end. `SEED=n` starts with that seed, `RUNS=n`
 * says how many run, `VENUE=id` says for which venue.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type * as Book from "../../src/Book.ts"
import * as Feed from "../../src/Feed.ts"
import * as Rest from "../../src/Rest.ts"
import type { TrueBook } from "../../src/simulator/Ledger.ts"
import type * as Simulator from "../../src/simulator/Simulator.ts"
import { firstSeed, runsOf } from "../../../kharbranth/test/support/histories.ts"
import * as SimulatorNetwork from "../../src/simulator/SimulatorNetwork.ts"
import type * as VenueFault from "../../src/simulator/VenueFault.ts"
import * as Topic from "../../src/Topic.ts"
import * as Venues from "../../src/Venues.ts"
import { collect, pass } from "../support/rig.ts"

/** All of them end before the last half minute. */
const faultyFor = 60_000

const every = (period: number): ReadonlyArray<number> =>
  Array.from({ length: Math.floor(faultyFor / period) }, (_, index) => 10_000 + index * period)

const faults: VenueFault.Script = [
  { fault: { _tag: "Gap" }, at: every(11_000) },
  { fault: { _tag: "Duplicate" }, at: every(7_000) },
  { fault: { _tag: "Swap" }, at: every(17_000) },
  { fault: { _tag: "WrongChecksum" }, at: every(23_000) },
  { fault: { _tag: "Notice" }, at: [20_000] },
  { fault: { _tag: "Stall", millis: 3_000 }, at: [33_000] },
  { fault: { _tag: "Cut" }, at: [45_000, 46_000] },
  { fault: { _tag: "RejectRequests", status: 429, millis: 2_000, retryAfter: 1 }, at: [45_000] }
]

const ours = (levels: Book.Levels): string =>
  [levels.bids, levels.asks]
    .map((side) => side.map(({ priceText, sizeText }) => `${priceText}@${sizeText}`).join(" "))
    .join(" | ")

const theirs = (truth: TrueBook | undefined, depth: number): string | undefined =>
  truth &&
  [truth.bids, truth.asks]
    .map((side) =>
      side
        .slice(0, depth)
        .map(([price, size]) => `${price}@${size}`)
        .join(" ")
    )
    .join(" | ")

/** How many steps ago the venue's book was this one; `undefined` if it never was. */
const stepsBehind = (
  simulator: Simulator.Simulator,
  symbol: string,
  book: string,
  depth: number
): number | undefined => {
  const last = simulator.book(symbol)?.revision ?? 0
  for (let behind = 0; behind < 100; behind++) {
    if (theirs(simulator.book(symbol, { revision: last - behind }), depth) === book) return behind
  }
  return undefined
}

const only = process.env["VENUE"]

const check = (id: Simulator.VenueId, seed: number) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed })
    const market = { assets: 4, trades: 1 }
    const { request, simulator } = yield* SimulatorNetwork.serve(network, id, { seed, market, faults })
    const fetch: Rest.Fetch = ({ method, url }) =>
      Effect.map(request(method, url), ({ body, headers, status }) => ({
        status,
        body,
        retryAfter: headers["retry-after"]
      }))
    const feed = yield* Feed.make({ venue: Venues.all()[id]! }).pipe(
      network.provide,
      Effect.provideService(Rest.Fetch, fetch)
    )
    const books = yield* Effect.forEach(simulator.symbols, (symbol) =>
      Effect.map(feed.book(Topic.book(symbol)), (book) => ({ book, symbol }))
    )
    const trades = yield* collect(feed.entries(Topic.trades(simulator.symbols[0]!)))
    // Hyperliquid sends five levels, about twice a second.
    const [depth, pace] = id === "hyperliquid" ? [5, 8] : [10, 0]
    let believed = 0
    const look = (isCalm: boolean) =>
      Effect.forEach(books, ({ book, symbol }) =>
        Effect.map(book.depth(depth), (levels) => {
          const where = `seed ${seed}, ${simulator.now} ms, ${symbol}`
          if (isCalm) assert.strictEqual(book.status.getUnsafe()._tag, "Synced", where)
          if (Option.isNone(levels)) return
          believed++
          const behind = stepsBehind(simulator, symbol, ours(levels.value), depth)
          assert.isDefined(behind, `${where}: a book that never was`)
          if (isCalm) assert.isAtMost(behind, pace, `${where}: a book that is behind`)
        })
      )
    for (let second = 0; second < 100; second++) {
      yield* pass("1 second", 250)
      yield* look(second >= 95)
    }
    assert.deepStrictEqual(simulator.ledger.violations, [], `seed ${seed}`)
    assert.isAbove(believed, 100 * simulator.symbols.length * 0.6, `seed ${seed}: hardly ever right`)
    assert.include(
      trades.map(({ _tag }) => _tag),
      "Gap"
    )
    const ids = trades.flatMap((one) => (one._tag === "Trade" ? [one.id] : []))
    assert.strictEqual(new Set(ids).size, ids.length, `seed ${seed}: a trade came twice`)
  })

describe("a feed on simulated venues", () => {
  for (const id of Object.keys(Venues.all()) as ReadonlyArray<Simulator.VenueId>) {
    for (let seed = firstSeed; seed < firstSeed + runsOf(1); seed++) {
      if (only === undefined || only === id) it.effect(`${id}, seed ${seed}`, () => check(id, seed), 60_000)
    }
  }
})
