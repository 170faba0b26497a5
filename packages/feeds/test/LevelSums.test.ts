/**
 * Proves that a book's sum, put together from the sums of its levels, is the sum of
 * the whole line: for both spellings of sizes, over random changes that add, resize
 * and remove levels, and with sides that are empty or shorter than what is summed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Checksum from "../src/Checksum.ts"
import { BookSide } from "../src/internal/book/side.ts"
import { sumOf } from "../src/internal/book/levelSums.ts"
import { random } from "./support/random.ts"

const rules = { interleaved: Checksum.interleaved, bitfinex: Checksum.bitfinex }

const history = (seed: number, rule: Checksum.Rule): void => {
  const next = random(seed)
  const bids = new BookSide("bid")
  const asks = new BookSide("ask")
  const few = 1 + Math.floor(next() * 60)
  for (let step = 0; step < 120; step++) {
    const side = next() < 0.5 ? bids : asks
    const price = (100 + Math.floor(next() * few)) / 10
    const text = next() < 0.02 ? `${price}${"0".repeat(150)}1` : String(price)
    const size = next() < 0.4 ? "0" : String(Math.floor(next() * 1e6) / 1e3 || 1)
    side.apply({ values: [price], prices: [text], sizes: [size] }, undefined)
    assert.strictEqual(
      sumOf(bids, asks, rule.levels, rule.pairs === "negative"),
      Checksum.crc32(rule.line(bids, asks)),
      `seed ${seed}, step ${step}`
    )
  }
}

describe("the sum of a book's levels", () => {
  for (const [name, rule] of Object.entries(rules)) {
    it(`${name}: is that of the line, whatever has changed`, () => {
      for (let seed = 1; seed <= 60; seed++) history(seed, rule)
    })
  }
})
