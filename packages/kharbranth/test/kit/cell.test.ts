/**
 * Proves who is told of a changed value: every observer that still waits or follows when its
 * turn comes, and nobody who was told to stop before that, be it within the turn.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cell } from "../../src/internal/kit/cell.ts"

const microtask = () => Promise.resolve().then(() => {})

describe("Cell", () => {
  for (const waiters of [1, 2]) {
    it(`tells nobody who stopped waiting earlier in the turn, of ${waiters}`, async () => {
      const cell = new Cell(0)
      const told: Array<number> = []
      const stops = Array.from({ length: waiters }, () =>
        cell.watch(
          (value) => value,
          (value) => void told.push(value)
        )
      )
      cell.observe((value) => {
        if (value === 1) for (const stop of stops) stop()
      })
      cell.set(1)
      await microtask()
      assert.deepStrictEqual(told, [])
    })
  }

  it("tells a follower the present value and each that follows, in a turn of its own", async () => {
    const cell = new Cell("a")
    const told: Array<string> = []
    cell.observe((value) => void told.push(value))
    assert.deepStrictEqual(told, ["a"])
    cell.set("b")
    cell.set("c")
    assert.deepStrictEqual(told, ["a"])
    await microtask()
    assert.deepStrictEqual(told, ["a", "c"])
  })
})
