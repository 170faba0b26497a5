/**
 * Proves that `ccxt.pro`, a client of others with its checks of checksums and
 * numbers on, accepts the simulators: it connects, stays, sees no error, and
 * keeps the simulator's books. And that it does notice what a fault spoils, so
 * that its silence means something.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Ccxt from "./support/ccxt.ts"
import * as Simulated from "./support/simulated.ts"
import type { VenueId } from "@kharbranth/feeds/simulator/Simulator"

const names = Object.keys(Ccxt.venues) as ReadonlyArray<VenueId>

describe(`ccxt.pro for ${Simulated.seconds} s (seed ${Simulated.seed})`, () => {
  Simulated.accepts(names, (venue) => Ccxt.run(venue))

  it(
    "its checks are on: a wrong checksum and a gap are errors",
    async () => {
      const [checksum, gap] = await Promise.all([
        Ccxt.run("bitfinex", [{ fault: { _tag: "WrongChecksum" } }], 8),
        Ccxt.run("okx", [{ fault: { _tag: "Gap" }, at: [5000, 6000], channel: "book" }], 8)
      ])
      assert.match(checksum.report.errors.join("\n"), /checksum/i)
      assert.isAbove(gap.report.errors.length, 0)
    },
    Simulated.patience
  )
})
