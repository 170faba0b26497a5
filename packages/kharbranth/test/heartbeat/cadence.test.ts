/**
 * Proves when the next probe is due: a fixed interval keeps its places and leaves
 * out what was slept through; a schedule of the user's making is stepped once for
 * each probe, and no probe is due when it is over or when there is none.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Heartbeat from "kharbranth/Heartbeat"
import { cadenceOf } from "../../src/internal/heartbeat/cadence.ts"
import type { MonitoredSession } from "../../src/internal/heartbeat/monitored.ts"

const session = { now: () => 1_000, wall: () => 0, fork: (effect: Effect.Effect<void>) => Effect.runFork(effect) }
const cadence = (heartbeat: Heartbeat.Heartbeat) => cadenceOf(heartbeat.cadence, session as unknown as MonitoredSession)

describe("the cadence of probes", () => {
  it("leaves out the beats that were slept through", () => {
    const due: Array<number> = []
    const fixed = cadence(Heartbeat.ping({ every: "10 seconds" }))!
    for (const now of [1_000, 11_000, 47_000]) fixed.next(now, (time) => due.push(time))
    assert.deepStrictEqual(due, [11_000, 21_000, 51_000])
  })

  it("steps a schedule once for each probe, until it is over", () => {
    const due: Array<number> = []
    const every = Schedule.upTo(Schedule.spaced("3 seconds"), { times: 2 })
    const scheduled = cadence(Heartbeat.ping({ every }))!
    for (let probe = 0; probe < 4; probe++) scheduled.next(0, (time) => due.push(time))
    assert.deepStrictEqual(due, [4_000, 4_000])
  })

  it("is none for a heartbeat that never asks", () => {
    assert.isUndefined(cadence(Heartbeat.none))
  })
})
