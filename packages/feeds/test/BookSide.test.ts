/**
 * Proves that a side of a book holds what a plain list of levels holds that is
 * sorted after every step: over random changes near and far from the top, snapshots
 * without order, cuts to a depth, sides that outgrow their room, other spellings of a
 * price, and prices that only their digits tell apart. A failing run prints its seed.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Changes } from "../src/FeedEvent.ts"
import { BookSide } from "../src/internal/book/side.ts"
import { compare } from "../src/internal/json/decimal.ts"
import { random } from "./support/random.ts"

type Level = readonly [price: string, size: string]

/** What a side should hold, best level first. */
class Plain {
  levels: ReadonlyArray<Level> = []
  private readonly sign: number

  constructor(side: "bid" | "ask") {
    this.sign = side === "bid" ? -1 : 1
  }

  set(levels: ReadonlyArray<Level>): void {
    const all = [...this.levels]
    for (const [price, size] of levels) {
      const old = all.findIndex(([other]) => compare(other, price) === 0)
      if (old >= 0) all.splice(old, 1)
      if (Number(size) !== 0) all.push([price, size])
    }
    this.levels = all.toSorted(([a], [b]) => this.sign * compare(a, b))
  }
}

const changesOf = (levels: ReadonlyArray<Level>): Changes => ({
  values: levels.map(([price]) => Number(price)),
  prices: levels.map(([price]) => price),
  sizes: levels.map(([, size]) => size)
})

const levelsOf = (side: BookSide): ReadonlyArray<Level> =>
  Array.from({ length: side.length }, (_, index) => [side.price(index), side.size(index)])

const history = (seed: number, of: "bid" | "ask"): void => {
  const next = random(seed)
  const side = new BookSide(of)
  const plain = new Plain(of)
  const spread = [4, 40, 40, 40, 400][seed % 5]!
  const price = (): string => {
    const whole = 1_000 + Math.floor(next() * spread)
    const chance = next()
    // One double, two prices.
    if (chance < 0.1) return `${whole}.0000000000000${chance < 0.05 ? "1" : "2"}0`
    return chance < 0.2 ? `${whole}.0` : String(whole)
  }
  const level = (): Level => [price(), next() < 0.4 ? ["0", "0.00", "0e1"][Math.floor(next() * 3)]! : String(next())]
  for (let step = 0; step < 150; step++) {
    const levels = Array.from({ length: 1 + Math.floor(next() * 12) }, level)
    const chance = next()
    if (chance < 0.03) {
      const many = Array.from({ length: Math.floor(next() * 2 * spread) }, level)
      plain.levels = []
      plain.set(many)
      side.load(changesOf(plain.levels.toSorted(() => next() - 0.5)))
    } else if (chance < 0.1) {
      const depth = Math.floor(next() * spread)
      plain.levels = plain.levels.slice(0, depth)
      side.truncate(depth)
    } else {
      plain.set(levels)
      side.apply(changesOf(levels), undefined)
    }
    const where = `seed ${seed}, step ${step}`
    // Compared as text first: hundreds of levels after each of thousands of steps.
    const levelsNow = levelsOf(side)
    if (levelsNow.join(" ") !== plain.levels.join(" ")) assert.deepStrictEqual(levelsNow, plain.levels, where)
    const best = plain.levels.slice(0, 5).toReversed()
    assert.deepStrictEqual(side.changes(5), changesOf(best), where)
    assert.strictEqual(side.value(0), plain.levels[0] && Number(plain.levels[0][0]), where)
  }
}

describe("a side of a book", () => {
  for (const of of ["bid", "ask"] as const) {
    it(`${of}s: holds what a sorted list holds`, () => {
      for (let seed = 1; seed <= 15; seed++) history(seed, of)
    })
  }
})
