/**
 * Proves that the page's words and shapes are right where no browser is needed:
 * how it writes figures, every event of real recordings as a line, the sessions
 * of a recording as lanes, and the cells of the strip.
 */
import { assert, describe, it } from "@effect/vitest"
import { gridOf } from "../page/fleet/grid.ts"
import { lanesOf, spanOf } from "../page/one/lanes.ts"
import { eventText } from "../page/words/events.ts"
import { bytes, clock, count, rate, span } from "../page/words/numbers.ts"
import { tellStories } from "./rig/stories.ts"

describe("figures", () => {
  it("are as short as they can be, and never of the wrong unit", () => {
    assert.deepStrictEqual([0, 847, 999.4, 999.6, 12_345, 99_960, 4_000_000].map(count), [
      "0",
      "847",
      "999",
      "1.0 k",
      "12.3 k",
      "100 k",
      "4.0 M"
    ])
    assert.deepStrictEqual([0, 0.04, 9.94, 9.96, 2500].map(rate), ["0", "0.0", "9.9", "10", "2.5 k"])
    assert.deepStrictEqual([0, 512, 65_536, 1_048_576].map(bytes), ["0 B", "512 B", "64.0 KiB", "1.0 MiB"])
    assert.deepStrictEqual([-5, 240, 11_449, 125_000, 11_520_000, 200_000_000].map(span), [
      "0 ms",
      "240 ms",
      "11.4 s",
      "2 m 05 s",
      "3 h 12 m",
      "2 d 07 h"
    ])
    assert.strictEqual(clock("2026-11-28T12:00:00.000Z", 200_149), "12:03:20.1")
    assert.strictEqual(clock("nonsense", 200_149), "3 m 20 s")
  })
})

describe("recordings", () => {
  it("have a line for every event, in words", async () => {
    const stories = await tellStories()
    const events = Object.values(stories).flatMap(({ entries }) => entries.map(({ event }) => event))
    assert.isAbove(new Set(events.map(({ _tag }) => _tag)).size, 11)
    for (const event of events) {
      const text = eventText(event)
      assert.notMatch(text, /undefined|NaN|\[object/, JSON.stringify(event))
      assert.isAbove(text.length, 3)
    }
  })

  it("show every session as a lane, and how it ended", async () => {
    const { silent, well } = await tellStories()
    const lanes = lanesOf(silent)
    assert.deepStrictEqual(
      lanes.map(({ end, epoch, role }) => [epoch, role, end?.text]),
      [
        [6, "active", "DialTimeout: in phase tcp"],
        [5, "active", "DialTimeout: in phase tcp"],
        [4, "successor", "PongReceiveTimeout"],
        [3, "active", "ConnectionClosed: 1000"],
        [2, "active", "ConnectionClosed: 1001"],
        [1, "active", "ConnectionDropped"]
      ]
    )
    assert.deepStrictEqual(
      lanes[0]!.phases.map(({ name }) => name),
      ["target", "tcp"]
    )
    const axis = spanOf(lanes, silent.takenAt)
    for (const { dialedAt, endedAt, readyAt } of lanes)
      for (const at of [dialedAt, readyAt, endedAt])
        assert.isTrue(at === undefined || (at >= axis.from && at <= axis.to))

    const alive = lanesOf(well)[0]!
    assert.deepStrictEqual([alive.epoch, alive.end, alive.endedAt], [3, undefined, undefined])
    assert.isDefined(alive.readyAt)
  })

  it("without entries still show the session that is alive", async () => {
    const { well } = await tellStories()
    const [lane, ...rest] = lanesOf({ ...well, entries: [] })
    assert.deepStrictEqual([lane?.epoch, rest.length], [3, 0])
    assert.closeTo(lane!.readyAt!, well.takenAt - well.metrics.uptime, 1)
  })
})

describe("the strip", () => {
  it("has room for every cell, and stays low", () => {
    for (const cells of [1, 7, 480, 10_000, 20_000])
      for (const width of [320, 900, 1400, 2500]) {
        const { columns, pitch, rows } = gridOf(cells, width)
        assert.isAtLeast(columns * rows, cells)
        assert.isAtMost(columns * pitch, width)
        if (pitch > 2) assert.isAtMost(rows * pitch, 72)
      }
    assert.strictEqual(gridOf(10_000, 1400).pitch, 3)
    assert.strictEqual(gridOf(30, 1400).pitch, 14)
  })
})
