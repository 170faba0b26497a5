/** Three runners with their names for all tests of a file, and what must hold of a scenario. */
import { afterAll, assert, beforeAll } from "@effect/vitest"
import { type Options, Rig } from "../rig/rig.ts"
import type * as Scenarios from "../rig/scenarios.ts"

const names = 120
const ttl = 10_000
/** Machines that run tests are slower than those of a bench. */
const moveBar = 5_000
// The cluster locks and releases shards one by one, which takes its time on a loaded machine.
const shards = 60

export const withRig = (
  of: { readonly limit?: number; readonly handover?: Options["handover"] },
  tests: (rig: () => Rig) => void
) => {
  let rig: Rig | undefined
  beforeAll(async () => {
    const limit = of.limit === undefined ? undefined : { limit: of.limit, window: "5 seconds" as const }
    rig = await Rig.create({ names, ttl, moveBar, limit, shards, handover: of.handover })
    await rig.joinAll(3)
    await rig.want()
  }, 120_000)
  afterAll(() => rig?.remove(), 60_000)
  tests(() => rig!)
}

export const holds = ({ broken, figures, unjudged }: Scenarios.Outcome): void => {
  console.log(JSON.stringify(figures))
  if (unjudged.length > 0) console.warn(`not judged, for the machine is busy: ${unjudged.join("; ")}`)
  assert.deepStrictEqual(broken, [], JSON.stringify(figures))
}
