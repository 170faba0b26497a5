/**
 * Proves for each way of numbering updates that a book which lost, doubled or
 * reordered some of them is right for the number it claims, or says that it is not.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Book from "../src/Book.ts"
import * as Checksum from "../src/Checksum.ts"
import type { BookUpdate, Changes } from "../src/FeedEvent.ts"
import * as Sequencer from "../src/Sequencer.ts"
import { random } from "./support/random.ts"
import { said } from "./support/replay.ts"
import { changes, update } from "./support/updates.ts"

const side = (next: () => number, from: number, count: number): Changes => {
  const values = Array.from({ length: count }, () => from + Math.floor(next() * 20))
  return { values, prices: values.map(String), sizes: values.map(() => String(Math.floor(next() * 4))) }
}

/** A venue's true updates: every one numbered in all ways, from `start`. */
const stream = (next: () => number, start: Sequencer.Sequence): ReadonlyArray<BookUpdate> => {
  let last = start
  return Array.from({ length: 40 }, (_, index) => {
    const previous = last
    last = Sequencer.next(last)
    const kind = index === 0 ? "snapshot" : "delta"
    const [bids, asks] = [side(next, 100, 3), side(next, 200, 3)]
    return update({ kind, bids, asks, first: last, last, ...(index > 0 && { previous }) })
  })
}

const disturbed = (next: () => number, updates: ReadonlyArray<BookUpdate>): ReadonlyArray<BookUpdate> => {
  const at = Math.floor(next() * (updates.length - 1))
  const one = updates[at]!
  const choice = Math.floor(next() * 3)
  if (choice === 0) return updates.toSpliced(at, 1)
  return choice === 1 ? updates.toSpliced(at, 0, one) : updates.toSpliced(at, 2, updates[at + 1]!, one)
}

const starts: ReadonlyArray<Sequencer.Sequence> = [10, Number.MAX_SAFE_INTEGER - 5, 2n ** 60n]

describe("Sequencer", () => {
  for (const kind of ["range", "chain", "counter"] as const) {
    for (const start of starts) {
      it(`${kind} from ${start}: right or says that it is not`, () => {
        for (let seed = 1; seed <= 300; seed++) {
          const next = random(seed)
          const updates = stream(next, start)
          const continuity = { sequencer: Sequencer.make(kind, "resubscribe") }
          const truth = new Map<string, string | undefined>()
          const whole = Book.make(continuity)
          for (const each of updates) {
            Book.apply(whole, each)
            truth.set(String(whole.sequence), said(whole, 50))
          }
          assert.strictEqual(whole.counts.applied, updates.length, `seed ${seed}`)
          const book = Book.make(continuity)
          for (const each of disturbed(next, updates)) {
            Book.apply(book, each)
            const now = said(book, 50)
            if (now !== undefined) assert.strictEqual(now, truth.get(String(book.sequence)), `seed ${seed}`)
          }
        }
      })
    }
  }

  it("a lost update is a gap with what was expected and the remedy", () => {
    const book = Book.make({ sequencer: Sequencer.make("counter", "resubscribe") })
    Book.apply(book, update({ kind: "snapshot", last: 4 }))
    const expected = { _tag: "Gap", reason: "sequence", remedy: "resubscribe", expected: 5, received: 6 } as const
    assert.deepStrictEqual(Book.apply(book, update({ last: 6, arrivalTime: 9 })), expected)
    assert.deepStrictEqual(book.status, { _tag: "Stale", since: 9, reason: "sequence" })
    assert.isUndefined(said(book, 1))
  })

  it("a book that crosses is not served", () => {
    const book = Book.make({ sequencer: Sequencer.make("none", "resubscribe") })
    const level = changes([[2, "1"]])
    Book.apply(book, update({ kind: "snapshot", bids: level, asks: level }))
    assert.deepStrictEqual(book.status, { _tag: "Stale", since: 0, reason: "crossed" })
  })

  it("a wrong checksum is a gap, and CRC32 is that of everyone", () => {
    assert.strictEqual(Checksum.crc32("123456789"), 0xcbf43926)
    const book = Book.make({ sequencer: Sequencer.make("none", "resubscribe"), checksum: Checksum.kraken })
    assert.strictEqual(Book.apply(book, update({ kind: "snapshot", checksum: 1 }))._tag, "Gap")
  })

  it("without numbers, an update from before the last one is a gap although its checksum is right", () => {
    const sumOf = (asks: Changes) => {
      const whole = Book.make({ sequencer: Sequencer.make("whole", "ignore") })
      Book.apply(whole, update({ kind: "snapshot", asks }))
      const level = Book.lastKnown(whole).asks.map(({ priceText, sizeText }) => [priceText, sizeText] as const)
      const side = {
        length: level.length,
        price: (index: number) => level[index]?.[0] ?? "",
        size: (index: number) => level[index]?.[1] ?? ""
      }
      return Checksum.crc32(Checksum.kraken.line({ length: 0, price: () => "", size: () => "" }, side))
    }
    const [before, removed, back] = [
      changes([
        [3, "1"],
        [4, "1"]
      ]),
      changes([[4, "1"]]),
      changes([
        [3, "2"],
        [4, "1"]
      ])
    ]
    const first = update({ kind: "snapshot", asks: before, checksum: sumOf(before), venueTime: 5 })
    const remove = update({ asks: changes([[3, "0"]]), checksum: sumOf(removed), venueTime: 2 })
    const set = update({ asks: changes([[3, "2"]]), checksum: sumOf(back), venueTime: 3 })
    const outcomes = (updates: ReadonlyArray<BookUpdate>) => {
      const book = Book.make({ sequencer: Sequencer.make("none", "resubscribe"), checksum: Checksum.kraken })
      return updates.map((one) => Book.apply(book, one)._tag)
    }
    // A snapshot's own time is no bound, and the same time again is none either.
    assert.deepStrictEqual(outcomes([first, remove, set, set]), ["Applied", "Applied", "Applied", "Applied"])
    // Both checksums are right, but the book would end where it was before.
    assert.deepStrictEqual(outcomes([first, set, remove]), ["Applied", "Applied", "Gap"])
  })

  it("two prices that are one double stay two levels, and any order of a snapshot will do", () => {
    const book = Book.make({ sequencer: Sequencer.make("whole", "ignore") })
    const prices = ["0.1", "0.10000000000000001", "3", "0.1000"]
    const bids: Changes = { values: prices.map(Number), prices, sizes: ["1", "2", "3", "4"] }
    Book.apply(book, update({ kind: "snapshot", bids }))
    assert.strictEqual(said(book, 9), "3@3 0.10000000000000001@2 0.1000@4 | ")
  })
})
