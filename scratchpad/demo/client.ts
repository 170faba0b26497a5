/**
 * The demo's client: one feed over all venues, a book and the trades of every
 * symbol, and the counts that the table and the verdict are made of.
 */
import * as Book from "@kharbranth/feeds/Book"
import * as Feed from "@kharbranth/feeds/Feed"
import type { Marker, Trade } from "@kharbranth/feeds/FeedEvent"
import * as Topic from "@kharbranth/feeds/Topic"
import type { Venue } from "@kharbranth/feeds/Venue"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Believed } from "../../packages/feeds/test/support/naive.ts"
import { TradeIds } from "../../packages/feeds/test/support/tradeIds.ts"
import { depth } from "../../packages/feeds/test/support/truth.ts"
import { Recoveries, Samples } from "./samples.ts"
import { type VenueId, venueIds } from "./wire.ts"

/** What is counted of one venue. */
interface Tally {
  trades: number
  gaps: number
  stale: number
  why: string
  readonly lag: Samples
}

export interface Symbols extends Readonly<Record<VenueId, ReadonlyArray<string>>> {}

const tallyOf = (): Tally => ({ trades: 0, gaps: 0, stale: 0, why: "", lag: new Samples(2000) })

const level = ({ priceText, sizeText }: Book.Level): readonly [string, string] => [priceText, sizeText]

/** With `sabotage` the best bid of every book is left out, so that the judge has something to find. */
export const make = (venues: Readonly<Record<VenueId, Venue>>, symbols: Symbols, sabotage = false) =>
  Effect.gen(function* () {
    const feed = yield* Feed.make({
      venues: Object.values(venues),
      // Every symbol here moves many times in so long.
      quiet: () => "5 seconds"
    })
    const tallies = Object.fromEntries(venueIds.map((id) => [id, tallyOf()])) as Record<VenueId, Tally>
    const holes = new Map<string, TradeIds>()
    const recoveries = new Recoveries()
    const books = new Map<VenueId, Array<{ readonly symbol: string; readonly held: Feed.FeedBook }>>()

    const mark = (id: VenueId, marker: Marker, name: string): void => {
      const tally = tallies[id]
      if (marker._tag === "Gap") {
        tally.gaps++
        tally.why = marker.reason
        holes.get(name)?.mark()
      } else if (marker._tag === "Lagged") holes.get(name)?.mark()
      else if (marker._tag === "Stale") {
        tally.stale++
        tally.why = marker.reason
      }
    }

    const trade = (id: VenueId, name: string, event: Trade): void => {
      const tally = tallies[id]
      tally.trades++
      holes.get(name)?.see(event.id)
      if (event.venueTime !== undefined) tally.lag.add(event.deliveryTime - event.venueTime)
    }

    const follow = (id: VenueId, symbol: string) => {
      const name = `${id} ${symbol}`
      holes.set(name, new TradeIds())
      return feed.entries(Topic.at(id, Topic.trades(symbol))).pipe(
        Stream.runForEachArray((entries) =>
          Effect.sync(() => {
            for (const entry of entries) {
              if (entry._tag === "Trade") trade(id, name, entry)
              else mark(id, entry, name)
            }
          })
        )
      )
    }

    const watch = (name: string, held: Feed.FeedBook) =>
      Stream.runForEach(held.status.changes, (status) =>
        Effect.sync(() => recoveries.see(name, status._tag === "Synced"))
      )

    for (const id of venueIds) {
      const own: Array<{ readonly symbol: string; readonly held: Feed.FeedBook }> = []
      for (const symbol of symbols[id]) {
        const held = yield* feed.book(Topic.at(id, Topic.book(symbol)))
        own.push({ symbol, held })
        yield* Effect.forkScoped(watch(`${id} ${symbol}`, held))
        yield* Effect.forkScoped(follow(id, symbol))
      }
      books.set(id, own)
    }

    /** The books of a venue that are believed now, with their best levels. */
    const believed = (id: VenueId): Effect.Effect<ReadonlyArray<Believed>> =>
      Effect.map(
        Effect.forEach(books.get(id) ?? [], ({ held, symbol }) => Effect.map(held.book, (book) => ({ book, symbol }))),
        (all) =>
          all.flatMap(({ book, symbol }) =>
            Option.match(Book.depth(book, depth), {
              onNone: () => [],
              onSome: ({ asks, bids }) => [
                {
                  symbol,
                  sequence: book.sequence,
                  venueTime: book.venueTime,
                  bids: bids.slice(sabotage ? 1 : 0).map(level),
                  asks: asks.map(level)
                }
              ]
            })
          )
      )

    const synced = (id: VenueId): Effect.Effect<number> =>
      Effect.map(
        Effect.forEach(books.get(id) ?? [], ({ held }) => held.status.get),
        (all) => all.filter(({ _tag }) => _tag === "Synced").length
      )

    const best = yield* Effect.forEach([0, 1, 2], (index) =>
      Effect.map(
        feed.consolidated(venueIds.map((id) => Topic.at(id, Topic.book(symbols[id][index] ?? "")))),
        (consolidated) => ({ asset: (symbols["binance-spot"][index] ?? "").replace(/USDT?$/, ""), consolidated })
      )
    )

    const booksOf = (id: VenueId): number => symbols[id].length

    const undetected = (): number => [...holes.values()].reduce((sum, one) => sum + one.unmarkedGaps, 0)

    return {
      feed,
      tallies,
      booksOf,
      believed,
      synced,
      best,
      recoveries,
      undetected,
      total: venueIds.reduce((sum, id) => sum + symbols[id].length, 0)
    }
  })

export type Client = Effect.Success<ReturnType<typeof make>>
