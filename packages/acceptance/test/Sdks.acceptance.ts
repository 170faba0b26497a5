/**
 * Proves that three SDKs of venues on npm accept the simulators of their venues:
 * they connect, stay without a reconnect, report no exception, and books kept
 * from their frames are the simulator's.
 */
import { describe } from "@effect/vitest"
import * as Sdks from "./support/sdks.ts"
import * as Simulated from "./support/simulated.ts"

const names = Object.keys(Sdks.sdks)

describe(`SDKs for ${Simulated.seconds} s (seed ${Simulated.seed})`, () => {
  Simulated.accepts(names, Sdks.run)
})
