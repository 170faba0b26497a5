/**
 * Proves that three SDKs of venues on npm accept the simulators of their venues:
 * they connect, stay without a reconnect, report no exception, and books kept
 * from their frames are the simulator's.
 */
import { beforeAll, describe, it } from "@effect/vitest"
import * as Sdks from "./support/sdks.ts"
import * as Simulated from "./support/simulated.ts"

const names = Object.keys(Sdks.sdks)

describe(`SDKs for ${Simulated.seconds} s (seed ${Simulated.seed})`, () => {
  const runs = new Map<string, Promise<Simulated.Watched>>()
  // All at once: the time is what costs.
  beforeAll(() => {
    for (const name of names) runs.set(name, Sdks.run(name))
  })

  for (const name of names) {
    it(
      `${name}: connects, stays, sees no error, and its books are right`,
      async () => Simulated.judge(name, await runs.get(name)!),
      Simulated.patience
    )
  }
})
