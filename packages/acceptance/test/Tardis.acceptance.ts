/**
 * Proves that the real-time feeds and mappers of `tardis-dev` accept the
 * simulators: they connect, stay, report no error, and its books are the
 * simulator's.
 */
import { beforeAll, describe, it } from "@effect/vitest"
import * as Simulated from "./support/simulated.ts"
import * as Tardis from "./support/tardis.ts"

const names = Object.keys(Tardis.exchanges)

describe(`tardis-dev for ${Simulated.seconds} s (seed ${Simulated.seed})`, () => {
  const runs = new Map<string, Promise<Simulated.Watched>>()
  // All at once: the time is what costs.
  beforeAll(() => {
    for (const name of names) runs.set(name, Tardis.run(name))
  })

  for (const name of names) {
    it(
      `${name}: connects, stays, sees no error, keeps the right books`,
      async () => Simulated.judge(name, await runs.get(name)!, Tardis.exchanges[name]!.kinds),
      Simulated.patience
    )
  }
})
