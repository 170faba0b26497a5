/** Turns the feed's figures into rows, and shows them four times a second. */
import type { LineFigures } from "@kharbranth/feeds/Feed"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Depth from "@kharbranth/feeds/Depth"
import type { Snapshot } from "kharbranth/ManagerEvent"
import type { Client } from "./client.ts"
import type { Best, Row, Served, Table } from "./table.ts"
import { now } from "./time.ts"
import { type VenueId, venueIds } from "./wire.ts"

interface Point {
  readonly at: number
  readonly frames: number
}

const rateOf = (points: Map<string, Point>, name: string, frames: number): number => {
  const before = points.get(name)
  const at = now()
  points.set(name, { at, frames })
  return before === undefined || at === before.at ? 0 : Math.round(((frames - before.frames) * 1000) / (at - before.at))
}

const average = (values: ReadonlyArray<number>): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length

const quote = (found: Depth.BestLevel | undefined): string =>
  found === undefined ? "none" : `${found.priceText} at ${found.venue}`

const isVenue = (id: string): id is VenueId => venueIds.some((known) => known === id)

export interface Around {
  /** Both by the demo's clock, in milliseconds. */
  readonly start: number
  readonly duration: number
  readonly served: ReadonlyArray<Served>
}

export const make = (table: Table, client: Client, { duration, served, start }: Around) =>
  Effect.gen(function* () {
    const { feed, tallies } = client
    const points = new Map<string, Point>()
    const rates: Array<number> = []
    const news: Array<string> = []
    const elapsed = (): number => now() - start

    const say = (what: string): void => {
      news.push(`${(elapsed() / 1000).toFixed(1).padStart(5)} s  ${what}`)
      table.say(elapsed(), what)
    }

    const rowOf = (figures: LineFigures, snapshots: ReadonlyArray<Snapshot>, synced: number): Row => {
      const { connections, frames, line, ready, reconnects, restUsed, venue } = figures
      const tally = isVenue(venue) ? tallies[venue] : undefined
      const rtts = snapshots.flatMap(({ metrics, name }) =>
        name.startsWith(line) && metrics.rtt !== undefined ? [metrics.rtt.last] : []
      )
      return {
        venue,
        line: line.slice(line.lastIndexOf("/") + 1),
        ready,
        connections,
        rate: rateOf(points, line, frames),
        rtt: average(rtts),
        lag: tally?.lag.at(0.99),
        synced,
        books: isVenue(venue) ? client.booksOf(venue) : 0,
        gaps: tally?.gaps ?? 0,
        reconnects,
        budget: restUsed === 0 ? "" : `${restUsed} http`,
        why: tally?.why ?? ""
      }
    }

    const best = Effect.forEach(client.best, ({ asset, consolidated }) =>
      Effect.map(consolidated.best, ({ ask, bid }: Depth.Quotes): Best => ({ asset, bid: quote(bid), ask: quote(ask) }))
    )

    const draw = Effect.gen(function* () {
      const lines = yield* feed.lines
      const snapshots = yield* feed.connections.snapshot
      const rows: Array<Row> = []
      for (const line of lines)
        rows.push(rowOf(line, snapshots, isVenue(line.venue) ? yield* client.synced(line.venue) : 0))
      const messages = lines.reduce((sum, { frames }) => sum + frames, 0)
      rates.push(rows.reduce((sum, { rate }) => sum + rate, 0))
      if (rates.length > 60) rates.shift()
      table.draw({ elapsed: elapsed(), duration, served, rows, best: yield* best, rates, news, messages })
    })

    yield* Effect.forkScoped(Effect.repeat(draw, Schedule.spaced("250 millis")))
    const messages = Effect.map(feed.lines, (lines) => lines.reduce((sum, { frames }) => sum + frames, 0))
    return { say, messages }
  })
