/**
 * Proves that the real-time feeds and mappers of `tardis-dev` accept the
 * simulators: they connect, stay, report no error, and its books are the
 * simulator's.
 */
import { describe } from "@effect/vitest"
import * as Simulated from "./support/simulated.ts"
import * as Tardis from "./support/tardis.ts"

const names = Object.keys(Tardis.exchanges)

describe(`tardis-dev for ${Simulated.seconds} s (seed ${Simulated.seed})`, () => {
  Simulated.accepts(names, Tardis.run, (name) => Tardis.exchanges[name]!.kinds)
})
