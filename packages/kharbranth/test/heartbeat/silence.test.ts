/**
 * Proves when a counter that stands still is noticed: once its limit has passed,
 * at most a tenth of it late, again after each further limit, and never while it
 * moves.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { Silence } from "../../src/internal/heartbeat/detector.ts"

/** Looks whenever it asks to, and tells when the limit had passed, and how often in a row. */
const watch = (silence: Silence, until: number, valueAt: (now: number) => number) => {
  const told: Array<readonly [number, number]> = []
  for (let now = silence.nextLook; now <= until; now = silence.nextLook) {
    if (silence.passed(now, valueAt(now))) told.push([now, silence.times])
  }
  return told
}

describe("silence", () => {
  it("is told once for each limit, counted in a row", () => {
    const silence = new Silence(Duration.seconds(10), 500, 7)
    assert.deepStrictEqual(
      watch(silence, 35_000, () => 7),
      [
        [10_500, 1],
        [20_500, 2],
        [30_500, 3]
      ]
    )
  })

  it("begins again with whatever comes", () => {
    const silence = new Silence(Duration.seconds(10), 0, 0)
    const value = (now: number) => (now < 12_500 ? 0 : now < 18_000 ? 1 : 2)
    assert.deepStrictEqual(watch(silence, 30_000, value), [
      [10_000, 1],
      [28_000, 1]
    ])
  })

  it("is never told while something comes", () => {
    const silence = new Silence(Duration.seconds(10), 0, 0)
    assert.deepStrictEqual(
      watch(silence, 300_000, (now) => Math.floor(now / 9_000)),
      []
    )
  })
})
