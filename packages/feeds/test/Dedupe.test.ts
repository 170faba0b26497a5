/**
 * Proves that a reader gets each trade once, whatever its ids look like: a model
 * with plain sets agrees about every id, for texts that are numbers, almost are, or
 * are none, in any order, for one line and for two.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Trade } from "../src/FeedEvent.ts"
import { Dedupe, newScores } from "../src/internal/feed/dedupe.ts"
import { random } from "./support/random.ts"

const trade = (id: string | undefined): Trade => ({
  _tag: "Trade",
  symbol: "A",
  id,
  side: "buy",
  price: 1,
  priceText: "1",
  size: 1,
  sizeText: "1",
  backfilled: false,
  venueTime: 0,
  arrivalTime: 0,
  deliveryTime: 0
})

/** Two generations, as plain as can be. */
class Model {
  private young = new Set<string>()
  private old = new Set<string>()

  admits(id: string): boolean {
    if (this.young.has(id) || this.old.has(id)) return false
    if (this.young.size === 2_048) {
      this.old = this.young
      this.young = new Set()
    }
    this.young.add(id)
    return true
  }
}

/** Spellings of a number that are ids of their own. */
const spellings: ReadonlyArray<(number: number) => string> = [
  String,
  (number) => `0${number}`,
  (number) => `${number}.0`,
  (number) => `-${number}`,
  (number) => `+${number}`,
  (number) => String(999_999_999_990_000 + number),
  (number) => `9007199254740${String(number).padStart(4, "0")}`,
  // They fall into few places of a table.
  (number) => String(number * 4_096),
  (number) => String(number * 2 ** 32),
  (number) => `${number}e1`,
  (number) => `b7c1-${number}`
]

describe("Dedupe", () => {
  for (const lines of [1, 2]) {
    it(`${lines} line(s): the model agrees about every id`, () => {
      for (let seed = 1; seed <= 20; seed++) {
        const next = random(seed)
        const [dedupe, model] = [new Dedupe(newScores(lines)), new Model()]
        const few = seed % 2 === 0
        let [again, admitted] = [0, 0]
        for (let step = 0; step < 8_000; step++) {
          const number = Math.floor(step / 4 + next() * 400)
          const id = spellings[Math.floor(next() * (few ? 1 : spellings.length))]!(number)
          const isNew = model.admits(id)
          // Asked a third of a million times: an assertion for each would be most of the time.
          if (dedupe.admit(trade(id), step % lines) !== isNew)
            assert.fail(`seed ${seed}, step ${step}, id ${id}: expected ${isNew ? "a new one" : "a known one"}`)
          if (isNew) admitted++
          else again++
        }
        assert.isAbove(Math.min(again, admitted), 100, `seed ${seed}`)
      }
    })
  }

  for (const count of [100, 3_000, 4_096, 5_000, 20_000]) {
    it(`of ${count} ids that count up, the latest 2,048 are known`, () => {
      for (const spell of [String, (number: number) => String(999_999_999_990_000 + number)]) {
        const dedupe = new Dedupe(newScores(1))
        for (let number = 0; number < count; number++) assert.isTrue(dedupe.admit(trade(spell(number)), 0))
        for (let number = Math.max(0, count - 2_048); number < count; number++) {
          assert.isFalse(dedupe.admit(trade(spell(number)), 0), `${number} of ${count}`)
        }
        assert.isTrue(dedupe.admit(trade(spell(count)), 0))
      }
    })
  }

  it("an empty id is one, and none is always new", () => {
    const dedupe = new Dedupe(newScores(1))
    assert.deepStrictEqual(
      ["", "", undefined, undefined, "0", "0", "00"].map((id) => dedupe.admit(trade(id), 0)),
      [true, false, true, true, true, false, true]
    )
  })
})
