/**
 * Proves for every kind of sequencer, with and without a snapshot over HTTP, that
 * a book which lost, doubled and reordered any of its updates, as many as it may
 * be, is the true one for the number that it claims or says that it is not right.
 * A failing run prints its seed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Book from "../src/Book.ts"
import * as Checksum from "../src/Checksum.ts"
import type { BookUpdate, Changes } from "../src/FeedEvent.ts"
import * as Sequencer from "../src/Sequencer.ts"
import * as Topic from "../src/Topic.ts"
import * as Coinbase from "../src/venues/Coinbase.ts"
import { random } from "./support/random.ts"
import { said } from "./support/replay.ts"
import { changes, update } from "./support/updates.ts"

type Sides = { readonly bids: Map<number, string>; readonly asks: Map<number, string> }

const best = ({ asks, bids }: Sides, depth: number) => ({
  bids: [...bids].toSorted(([a], [b]) => b - a).slice(0, depth),
  asks: [...asks].toSorted(([a], [b]) => a - b).slice(0, depth)
})

const text = (sides: Sides, depth: number): string => {
  const { asks, bids } = best(sides, depth)
  return [bids, asks].map((side) => side.map(([price, size]) => `${price}@${size}`).join(" ")).join(" | ")
}

interface True {
  readonly update: BookUpdate
  /** The whole book after the update, and what it says. */
  readonly whole: BookUpdate
  readonly said: string
}

const levelsOf = (depth: number) => (sides: Sides) => {
  const { asks, bids } = best(sides, depth)
  return { bids: changes(bids), asks: changes(asks) }
}

/** What became of a window: levels that came or changed, and those that are gone from the book. */
const moved = (before: Sides, after: Sides, depth: number): Pick<BookUpdate, "bids" | "asks"> => {
  const [old, now] = [best(before, depth), best(after, depth)]
  const side = (name: "bids" | "asks") => {
    const known = new Map(old[name])
    const found = now[name].filter(([price, size]) => known.get(price) !== size)
    const gone = old[name].filter(([price]) => !after[name].has(price)).map(([price]) => [price, "0"] as const)
    return changes([...gone, ...found])
  }
  return { bids: side("bids"), asks: side("asks") }
}

const sums = (sides: Sides): number => {
  const { asks, bids } = best(sides, 10)
  const side = (levels: ReadonlyArray<readonly [number, string]>) => ({
    length: levels.length,
    price: (at: number) => String(levels[at]?.[0]),
    size: (at: number) => String(levels[at]?.[1])
  })
  return Checksum.crc32(Checksum.kraken.line(side(bids), side(asks)))
}

const copy = ({ asks, bids }: Sides): Sides => ({ bids: new Map(bids), asks: new Map(asks) })

/** A venue's true updates with their books. Each covers one to four numbers and changes a few levels. */
const history = (next: () => number, start: Sequencer.Sequence, depth: number): ReadonlyArray<True> => {
  const sides: Sides = { bids: new Map(), asks: new Map() }
  const draw = (from: number) => {
    for (let count = 1 + Math.floor(next() * 3); count > 0; count--) {
      const side = next() < 0.5 ? "bids" : "asks"
      const price = (side === "bids" ? 100 : 130) + Math.floor(next() * 25)
      if (next() < 0.35 && from > 5) sides[side].delete(price)
      else sides[side].set(price, String(1 + Math.floor(next() * 9)))
    }
  }
  for (let count = 0; count < 12; count++) draw(0)
  let last = start
  return Array.from({ length: 30 }, (_, index) => {
    const [before, previous] = [copy(sides), last]
    draw(index + 6)
    const first = Sequencer.next(last)
    for (let width = Math.floor(next() * 4); width >= 0; width--) last = Sequencer.next(last)
    const numbers = { first, last, previous, checksum: sums(sides) }
    const whole = update({ kind: "snapshot", ...levelsOf(depth)(sides), ...numbers })
    return { update: update({ ...moved(before, sides, depth), ...numbers }), whole, said: text(sides, depth) }
  })
}

/** Loses, doubles and moves up to eight of the items, to any place. */
const disturbed = <A>(next: () => number, items: ReadonlyArray<A>): ReadonlyArray<A> => {
  let all = [...items]
  for (let count = Math.floor(next() * 9); count > 0; count--) {
    const [from, to] = [Math.floor(next() * all.length), Math.floor(next() * all.length)]
    const item = all[from]!
    const choice = Math.floor(next() * 3)
    if (choice !== 1) all = all.toSpliced(from, 1)
    if (choice !== 0) all = all.toSpliced(to, 0, item)
  }
  return all
}

interface Tried {
  /** How often a book was believed after a disturbed history. */
  readonly believed: number
  readonly gaps: number
}

/** Numbers of one width, for kinds that count up by one. */
const counted = (truths: ReadonlyArray<True>, start: Sequencer.Sequence): ReadonlyArray<True> => {
  let last = start
  return truths.map(({ said, update, whole }) => {
    const previous = last
    last = Sequencer.next(last)
    return {
      said,
      update: { ...update, first: last, last, previous },
      whole: { ...whole, first: last, last, previous }
    }
  })
}

const starts: ReadonlyArray<Sequencer.Sequence> = [10, Number.MAX_SAFE_INTEGER - 20, 2n ** 60n]
const seeds = Number(process.env["KHARBRANTH_SEEDS"] ?? 100)

/** Snapshots in the stream: the first update, and now and then another. */
const streamed = (next: () => number, continuity: Book.Continuity, start: Sequencer.Sequence, where: string): Tried => {
  const depth = continuity.depth ?? 50
  const drawn = history(next, start, depth)
  const truths = continuity.sequencer.kind === "counter" ? counted(drawn, start) : drawn
  const right = new Map(truths.map(({ said, update }) => [String(update.last), said]))
  const sent = truths.map((truth, index) => (index === 0 || next() < 0.08 ? truth.whole : truth.update))
  const book = Book.make(continuity)
  let [believed, last] = [0, ""]
  for (const each of disturbed(next, sent)) {
    const outcome = Book.apply(book, each)
    if (outcome._tag === "Applied") last = String(each.last)
    const now = said(book, depth)
    if (now === undefined) continue
    believed++
    // Without numbers a book claims the update that its checksum proved.
    assert.strictEqual(now, right.get(String(book.sequence ?? last)), where)
  }
  return { believed, gaps: book.counts.gaps }
}

/** Snapshots over HTTP, each of any moment up to now, whenever the book wants one. */
const fetched = (next: () => number, continuity: Book.Continuity, start: Sequencer.Sequence, where: string): Tried => {
  const truths = history(next, start, 50)
  const right = new Map(truths.map(({ said, update }) => [String(update.last), said]))
  const book = Book.make(continuity)
  let believed = 0
  for (const each of disturbed(
    next,
    truths.map(({ update }, index) => ({ update, index }))
  )) {
    Book.apply(book, each.update)
    if (Book.needsSnapshot(book) && next() < 0.3) {
      const at = Math.min(truths.length - 1, Math.max(0, each.index + Math.floor(next() * 5) - 3))
      Book.bootstrap(book, { ...truths[at]!.whole, first: undefined, previous: undefined })
    }
    const now = said(book, 50)
    if (now === undefined) continue
    believed++
    assert.strictEqual(now, right.get(String(book.sequence)), where)
  }
  return { believed, gaps: book.counts.gaps }
}

const rules: Readonly<Record<string, { readonly continuity: Book.Continuity; readonly run: typeof streamed }>> = {
  "range": { continuity: { sequencer: Sequencer.make("range", "resubscribe") }, run: streamed },
  "range over HTTP": { continuity: { sequencer: Sequencer.make("range", "rest"), bootstrap: "rest" }, run: fetched },
  "chain": { continuity: { sequencer: Sequencer.make("chain", "resubscribe") }, run: streamed },
  "chain with a bridge over HTTP": {
    continuity: { sequencer: Sequencer.make("chain", "rest", { bridge: true }), bootstrap: "rest" },
    run: fetched
  },
  "counter": { continuity: { sequencer: Sequencer.make("counter", "resubscribe") }, run: streamed },
  "no numbers, a checksum": {
    continuity: { sequencer: Sequencer.make("none", "resubscribe"), checksum: Checksum.kraken, depth: 10 },
    run: streamed
  }
}

describe("histories of books", () => {
  for (const [name, { continuity, run }] of Object.entries(rules)) {
    for (const start of continuity.checksum === undefined ? starts : [10]) {
      it(`${name} from ${start}: right, or says that it is not`, () => {
        let [believed, gaps] = [0, 0]
        for (let seed = 1; seed <= seeds; seed++) {
          const tried = run(random(seed * 7919), continuity, start, `seed ${seed}`)
          believed += tried.believed
          gaps += tried.gaps
        }
        // The property says nothing of a book that is never believed, or never disturbed.
        assert.isAbove(believed, seeds)
        assert.isAbove(gaps, seeds / 4)
      })
    }
  }

  it("whole frames: the book is the last frame", () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const next = random(seed)
      const book = Book.make({ sequencer: Sequencer.make("whole", "ignore") })
      for (const { said: right, whole } of disturbed(next, history(next, 10, 50))) {
        Book.apply(book, whole)
        assert.strictEqual(said(book, 50), right, `seed ${seed}`)
      }
    }
  })

  it("one count over a connection: right, or says that it is not", () => {
    const venue = Coinbase.make()
    let [believed, gaps] = [0, 0]
    for (let seed = 1; seed <= seeds; seed++) {
      const next = random(seed)
      const truths = history(next, 0, 50)
      const frames = truths.map((truth, number) => {
        const { asks, bids, kind } = number === 0 || next() < 0.08 ? truth.whole : truth.update
        const levels = (side: Changes, name: string) =>
          side.prices.map((price, at) => ({ side: name, price_level: price, new_quantity: side.sizes[at] }))
        const type = kind === "snapshot" ? "snapshot" : "update"
        const updates = [...levels(bids, "bid"), ...levels(asks, "offer")]
        return {
          number,
          raw: JSON.stringify({
            channel: "l2_data",
            sequence_num: number,
            events: [{ type, product_id: "A", updates }]
          })
        }
      })
      const [wire, book] = [venue.wire(), Book.make(venue.continuity)]
      for (const { number, raw } of disturbed(next, frames)) {
        const kind = venue.classify(raw, wire)
        if (kind.gap) Book.invalidate(book, "connection", 0)
        if (kind._tag !== "Data") continue
        const found = venue.decode(raw, Topic.book("A"), 0)
        if (found._tag === "Success")
          for (const event of found.success) if (event._tag === "BookUpdate") Book.apply(book, event)
        const now = said(book, 50)
        if (now === undefined) continue
        believed++
        assert.strictEqual(now, truths[number]?.said, `seed ${seed}`)
      }
      gaps += book.counts.gaps
    }
    assert.isAbove(believed, seeds)
    assert.isAbove(gaps, seeds / 4)
  })
})
