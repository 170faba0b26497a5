/**
 * Proves that `ccxt.pro`, a client of others with its checks of checksums and
 * numbers on, accepts the simulators: it connects, stays, sees no error, and
 * keeps the simulator's books. And that it does notice what a fault spoils, so
 * that its silence means something.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Ccxt from "./support/ccxt.ts"
import * as Simulated from "./support/simulated.ts"
import type { VenueId } from "@kharbranth/feeds/simulator/Simulator"

const patience = (Simulated.seconds + 60) * 1000
const names = Object.keys(Ccxt.venues) as ReadonlyArray<VenueId>

describe(`ccxt.pro for ${Simulated.seconds} s (seed ${Simulated.seed})`, () => {
  const runs = new Map<string, Promise<Ccxt.Watched>>()
  // All at once: the time is what costs.
  beforeAll(() => {
    for (const venue of names) runs.set(venue, Ccxt.run(venue))
  })

  for (const venue of names) {
    it(
      `${venue}: connects, stays, sees no error, keeps the right books`,
      async () => {
        const { report, simulator } = await runs.get(venue)!
        assert.deepStrictEqual(report.errors.slice(0, 5), [])
        assert.deepStrictEqual(report.wrong.slice(0, 3), [], `${report.wrong.length} wrong books`)
        assert.deepStrictEqual(simulator.ledger.violations.slice(0, 3), [])
        assert.deepStrictEqual([...report.symbols].toSorted(), simulator.symbols.toSorted())
        for (const kind of ["trades", "ticker", "book"]) assert.isAtLeast(report.news.get(kind) ?? 0, Simulated.seconds)
        process.stdout.write(
          `${venue}: ${report.right} books right, ${report.undated} without a moment, ${JSON.stringify(
            Object.fromEntries(report.news)
          )}, ${simulator.ledger.counts.dials} dials, ${simulator.ledger.counts.sent} frames\n`
        )
      },
      patience
    )
  }

  it(
    "its checks are on: a wrong checksum and a gap are errors",
    async () => {
      const [checksum, gap] = await Promise.all([
        Ccxt.run("bitfinex", [{ fault: { _tag: "WrongChecksum" } }]),
        Ccxt.run("okx", [{ fault: { _tag: "Gap" }, every: 2000, channel: "book" }])
      ])
      assert.match(checksum.report.errors.join("\n"), /checksum/i)
      assert.isAbove(gap.report.errors.length, 0)
    },
    patience
  )
})
