/**
 * Proves that the demo's verdict is honest and does not depend on how fast the
 * machine is: a book is judged at the moment when all came to rest, and one that
 * never does is counted. Also that what it draws fits its terminal, and that an
 * interruption of a feed counts as one gap, however many topics show it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { unsettledAtRest } from "../demo/rest.ts"
import { Ledger } from "../storm/ledger.ts"
import { clipped, fitted, green } from "../terminal.ts"

/** What is found when books are unsettled at these times, in seconds. */
const found = (isUnsettled: (second: number) => number) =>
  Effect.gen(function* () {
    const unsettled = Effect.clockWith((clock) =>
      Effect.sync(() => isUnsettled(clock.currentTimeMillisUnsafe() / 1000))
    )
    const looking = yield* Effect.forkChild(unsettledAtRest(unsettled, 20_000))
    yield* TestClock.adjust("30 seconds")
    return yield* Fiber.join(looking)
  })

describe("the demo's verdict", () => {
  it.effect("takes the moment when all is at rest, however late, and nothing that comes after it", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* found((second) => (second < 5 ? 3 : second < 5.2 ? 0 : 1)), 0)
      assert.strictEqual(yield* found((second) => (second < 19 ? 200 : 0)), 0)
    })
  )

  it.effect("counts what never comes to rest", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* found((second) => (second < 2 ? 9 : 1)), 1)
    })
  )
})

describe("what the demo draws", () => {
  it("fits 80 columns and 24 lines, with its title and its colours", () => {
    const long = `${green("x".repeat(60))}${green("y".repeat(60))}`
    const screen = fitted(["title", ...Array.from({ length: 40 }, () => long)], 80, 24)
    assert.lengthOf(screen, 24)
    assert.strictEqual(screen[0], "title")
    assert.strictEqual(screen[1], `${green("x".repeat(60))}${green("y".repeat(20))}`)
    assert.strictEqual(clipped("▁▂▃", 2), "▁▂")
  })
})

describe("the ledger of the storm", () => {
  it("counts an interruption once, although each topic of the feed shows it", () => {
    const ledger = new Ledger()
    for (const topic of ["a/book", "a/trades"]) ledger.marker("a", topic)
    assert.strictEqual(ledger.bookOf("a").gaps, 1)
    ledger.marker("a", "a/trades")
    assert.strictEqual(ledger.bookOf("a").gaps, 2)
  })
})
