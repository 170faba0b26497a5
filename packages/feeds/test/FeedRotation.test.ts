/**
 * Proves that replacing a connection on purpose loses nothing: before its venue's
 * age limit, on a venue's notice, and with two lines that carry the same. Trades
 * come once each and in order, and a book stays right all along.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Topic from "../src/Topic.ts"
import { said } from "./support/replay.ts"
import { collect, pass, rig, type Rig, settle } from "./support/rig.ts"
import { type Dialect, dialects, type ScriptedVenue } from "./support/venues.ts"

const symbol = "BTCUSDT"
const network = { latency: 30, jitter: 20 }

/** A venue whose silence is no sign: the hours are long. */
const withoutHeartbeat = (dialect: Dialect): Dialect => {
  const { venue } = dialect
  const lines = Object.entries(venue.lines).map(([key, line]) => [key, { ...line, heartbeat: Heartbeat.none }] as const)
  return { ...dialect, venue: { ...venue, lines: Object.fromEntries(lines) } }
}

/** A busy market for so many steps of 10 ms. */
const busy = (
  venue: ScriptedVenue,
  steps: number,
  each: (step: number) => Effect.Effect<unknown, never, Scope.Scope> = () => Effect.void
) =>
  Effect.gen(function* () {
    for (let step = 0; step < steps; step++) {
      venue.change()
      venue.trade()
      yield* pass(10, 10)
      yield* each(step)
    }
    yield* pass("1 second")
  })

const watched = ({ feed }: Rig) =>
  Effect.gen(function* () {
    const book = yield* feed.book(Topic.book(symbol))
    const changes = yield* collect(feed.entries(Topic.book(symbol)))
    const trades = yield* collect(feed.entries(Topic.trades(symbol)))
    const reports = yield* collect(feed.reports)
    yield* pass("4 seconds", 100)
    reports.length = 0
    return { book, changes, trades, reports }
  })

const numbers = (trades: ReadonlyArray<{ readonly _tag: string; readonly id?: string | undefined }>) =>
  trades.map(({ _tag, id }) => (id === undefined ? _tag : Number(id.replace("t", ""))))

const counted = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe("rotation", () => {
  for (const [name, dialect] of Object.entries(dialects)) {
    it.effect(`${name}: nothing is lost, doubled or stale`, () =>
      Effect.gen(function* () {
        const made = yield* rig([dialect()], { network })
        const { feed, venue } = made
        const { book, changes, reports, trades } = yield* watched(made)
        const steps = 150
        yield* busy(venue, steps, (step) =>
          Effect.gen(function* () {
            if (step === 20) yield* Effect.forkScoped(feed.connections.broadcast({ _tag: "Rotate" }))
            assert.strictEqual(book.status.getUnsafe()._tag, "Synced", `step ${step}`)
          })
        )
        assert.deepStrictEqual(numbers(trades), counted(steps))
        assert.strictEqual(said(yield* book.book, 50), venue.market.said)
        assert.deepStrictEqual([...new Set(changes.map(({ _tag }) => _tag))], ["BookUpdate"])
        assert.deepStrictEqual(reports, [])
        const epochs = (yield* feed.connections.snapshot).map(({ epoch }) => epoch)
        assert.deepStrictEqual([...new Set(epochs)], [2])
      })
    )
  }

  it.effect("a venue that cuts after 24 hours never gets to it", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([withoutHeartbeat(dialects.binanceSpot())])
      const trades = yield* collect(feed.entries(Topic.trades(symbol)))
      for (let hour = 0; hour < 25; hour++) {
        // Shorter steps than a dial may take: a clock that jumps further leaves the network no turn.
        yield* pass("1 hour", 8_000)
        venue.trade()
        yield* settle
      }
      assert.deepStrictEqual(numbers(trades), counted(25))
      const [connection] = yield* feed.connections.snapshot
      assert.strictEqual(connection?.epoch, 2)
    })
  )

  it.effect("a notice rotates, and the next session carries on", () =>
    Effect.gen(function* () {
      const made = yield* rig([dialects.binanceSpot()], { network })
      const { feed, venue } = made
      const { book, reports, trades } = yield* watched(made)
      yield* busy(venue, 100, (step) =>
        Effect.sync(() => {
          if (step === 10) venue.shout('{"e":"serverShutdown","E":1}')
          assert.strictEqual(book.status.getUnsafe()._tag, "Synced")
        })
      )
      assert.deepStrictEqual(numbers(trades), counted(100))
      assert.deepStrictEqual(
        reports.map(({ _tag }) => _tag),
        ["Notice"]
      )
      const [line] = yield* feed.lines
      assert.strictEqual(line?.notices, 1)
    })
  )

  it.effect("of two lines one may die unnoticed; each event comes once, from the first", () =>
    Effect.gen(function* () {
      const made = yield* rig([dialects.bybit()], { network, lines: 2 })
      const { feed, venue } = made
      const { book, changes, trades } = yield* watched(made)
      yield* busy(venue, 120, (step) =>
        Effect.gen(function* () {
          if (step === 30) yield* venue.cutOne
          assert.strictEqual(book.status.getUnsafe()._tag, "Synced", `step ${step}`)
        })
      )
      assert.deepStrictEqual(numbers(trades), counted(120))
      assert.strictEqual(said(yield* book.book, 50), venue.market.said)
      assert.deepStrictEqual([...new Set(changes.map(({ _tag }) => _tag))], ["BookUpdate"])
      const [a, b] = yield* feed.lines
      assert.deepStrictEqual([a?.line, b?.line], ["bybit/public", "bybit/public+1"])
      assert.isAbove(a!.wins + b!.wins, 200)
      assert.isAbove(Math.max(a!.lag ?? 0, b!.lag ?? 0), 0)
      // When the other one goes too, there is nothing left.
      yield* venue.cut
      yield* pass(100)
      assert.strictEqual(trades.at(-1)?._tag, "Stale")
      assert.strictEqual(book.status.getUnsafe()._tag, "Stale")
    })
  )
})
