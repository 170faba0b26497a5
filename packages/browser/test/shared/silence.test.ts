/**
 * Proves when a tab asks for its leader and when it takes it for frozen: never
 * while the leader speaks, after a question that was not answered in time, and
 * not because the tab itself slept.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Silence from "../../src/internal/shared/silence.ts"

/** A silence that is checked every 100 ms, with a clock in the test's hand. */
const scene = () => {
  let time = 0
  const silence = Silence.make({ askEvery: 200, frozenAfter: 800, now: () => time })
  const after = (millis: number, trust = true) => {
    time += millis
    return silence.check(trust)
  }
  const checks = (n: number) => Array.from({ length: n }, () => after(100))
  return { after, checks, silence }
}

describe("Silence", () => {
  it("a leader that speaks - is never asked", () => {
    const { checks, silence } = scene()
    for (let i = 0; i < 50; i++) {
      assert.deepStrictEqual(checks(1), [undefined])
      silence.heard()
    }
  })

  it("a leader that does not answer - is asked, and frozen after 800 ms", () => {
    const { checks } = scene()
    assert.deepStrictEqual(checks(10), [undefined, ...Array.from({ length: 8 }, () => "ask" as const), "frozen"])
    // The verdict was given once: the next one needs a silence of its own.
    assert.deepStrictEqual(
      checks(8),
      Array.from({ length: 8 }, () => "ask")
    )
  })

  it("an answer in time - ends the silence", () => {
    const { checks, silence } = scene()
    checks(9)
    silence.heard()
    assert.deepStrictEqual(checks(2), [undefined, "ask"])
  })

  it("without trust - is asked at once", () => {
    assert.strictEqual(scene().after(100, false), "ask")
  })

  it("a tab that slept - starts to count again, but only once where every timer is late", () => {
    const { after, checks } = scene()
    checks(5)
    assert.strictEqual(after(60_000), "ask")
    assert.strictEqual(after(60_000), "frozen")
  })
})
