/**
 * An order book that is right or says that it is not. A book is a mutable value:
 * give it the updates of its topic in order, and read it while it is `Synced`.
 * It does no I/O: a gap comes back with the remedy that it wants.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Checksum from "./Checksum.ts"
import type { BookUpdate, Reason } from "./FeedEvent.ts"
import * as LevelSums from "./internal/book/levelSums.ts"
import { BookSide } from "./internal/book/side.ts"
import * as Sequencer from "./Sequencer.ts"

/**
 * How a venue keeps a topic's book continuous.
 *
 * @category options
 * @since 0.1.0
 */
export interface Continuity {
  readonly sequencer: Sequencer.Sequencer
  /** Where the first snapshot comes from: the stream itself, or an HTTP request. Default: `"stream"`. */
  readonly bootstrap?: "stream" | "rest" | undefined
  /** How the venue sums its books. Default: it does not. */
  readonly checksum?: Checksum.Rule | undefined
  /** How many levels the venue sends; levels beyond are dropped. Default: all are kept. */
  readonly depth?: number | undefined
  /**
   * How many levels of a side an HTTP snapshot has at most. Beyond the last of a
   * full one nothing is known, and no level is given. Default: snapshots are complete.
   */
  readonly snapshotLevels?: number | undefined
  /** How many updates wait for an HTTP snapshot before the book gives up on them. Default: 10000. */
  readonly buffer?: number | undefined
}

/**
 * Whether a book can be believed.
 *
 * @category models
 * @since 0.1.0
 */
export type Status =
  | { readonly _tag: "Synced" }
  | { readonly _tag: "Syncing" }
  | { readonly _tag: "Stale"; readonly since: number; readonly reason: Reason }

/**
 * What an update did. `Gap` names what mends the book.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Applied" }
  | { readonly _tag: "Ignored" }
  | { readonly _tag: "Buffered" }
  | {
      readonly _tag: "Gap"
      readonly reason: Reason
      readonly remedy: Sequencer.Remedy
      readonly expected: Sequencer.Sequence | undefined
      readonly received: Sequencer.Sequence | undefined
    }

/**
 * A level of a book.
 *
 * @category models
 * @since 0.1.0
 */
export interface Level {
  readonly price: number
  readonly priceText: string
  readonly size: number
  readonly sizeText: string
}

/**
 * Both sides, best levels first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Levels {
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
}

/**
 * Counts since the book was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  readonly applied: number
  readonly ignored: number
  readonly dropped: number
  readonly gaps: number
  readonly checksums: number
  readonly checksumFailures: number
}

/**
 * One order book, and whether it can be believed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Book {
  readonly continuity: Continuity
  readonly status: Status
  readonly sequence: Sequencer.Sequence | undefined
  readonly venueTime: number | undefined
  readonly counts: Counts
}

interface Mutable extends Book {
  status: Status
  sequence: Sequencer.Sequence | undefined
  venueTime: number | undefined
  fresh: boolean
  olds: number
  /** The worst prices that are known of each side. */
  readonly known: { bid: number; ask: number }
  waiting: Array<BookUpdate>
  readonly counts: { -readonly [K in keyof Counts]: number }
  readonly bids: BookSide
  readonly asks: BookSide
}

const syncing: Status = { _tag: "Syncing" }
const synced: Status = { _tag: "Synced" }
const applied: Outcome = { _tag: "Applied" }
const ignored: Outcome = { _tag: "Ignored" }
const buffered: Outcome = { _tag: "Buffered" }

/** So many old updates in a row are no echo: the venue counts from elsewhere. */
const maxOlds = 1000

/**
 * Makes an empty book, which is `Syncing` until its first snapshot.
 *
 * @example
 * ```ts
 * import * as Book from "@kharbranth/feeds/Book"
 * import * as Sequencer from "@kharbranth/feeds/Sequencer"
 * import { strictEqual } from "node:assert"
 *
 * const book = Book.make({ sequencer: Sequencer.make("counter", "resubscribe") })
 * strictEqual(book.status._tag, "Syncing")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (continuity: Continuity): Book => {
  const book: Mutable = {
    continuity,
    status: syncing,
    sequence: undefined,
    venueTime: undefined,
    fresh: false,
    olds: 0,
    known: { bid: 0, ask: Infinity },
    waiting: [],
    counts: { applied: 0, ignored: 0, dropped: 0, gaps: 0, checksums: 0, checksumFailures: 0 },
    bids: new BookSide("bid"),
    asks: new BookSide("ask")
  }
  return book
}

// `make` is the only source of books.
const open = (book: Book): Mutable => book as Mutable

/**
 * Gives the book the next update of its topic.
 *
 * @category combinators
 * @since 0.1.0
 */
export const apply = (book: Book, update: BookUpdate): Outcome => {
  const self = open(book)
  if (update.kind === "snapshot") return load(self, update)
  if (self.status._tag !== "Synced") return hold(self, update)
  return step(self, update)
}

const step = (self: Mutable, update: BookUpdate): Outcome => {
  switch (Sequencer.decide(self.continuity.sequencer, { last: self.sequence, fresh: self.fresh }, update)) {
    case "snapshot":
      return load(self, update)
    case "ignore":
      self.counts.ignored++
      return ++self.olds > maxOlds ? stale(self, "sequence", update) : ignored
    case "gap":
      return stale(self, "sequence", update)
    case "apply":
      if (isLate(self, update)) return stale(self, "sequence", update)
      self.fresh = false
      self.bids.apply(update.bids, self.sequence)
      self.asks.apply(update.asks, self.sequence)
      return settle(self, update)
  }
}

/**
 * Where nothing counts updates, a checksum proves that the book was right once.
 * An update from before the one that came last shows that it is not right now. A
 * snapshot may be stamped with the time at which it was sent.
 */
const isLate = ({ continuity, fresh, venueTime }: Mutable, update: BookUpdate): boolean =>
  continuity.sequencer.kind === "none" &&
  !fresh &&
  venueTime !== undefined &&
  update.venueTime !== undefined &&
  update.venueTime < venueTime

const load = (self: Mutable, update: BookUpdate): Outcome => {
  self.bids.load(update.bids)
  self.asks.load(update.asks)
  self.known.bid = 0
  self.known.ask = Infinity
  self.fresh = true
  self.status = synced
  return settle(self, update)
}

const settle = (self: Mutable, update: BookUpdate): Outcome => {
  const { checksum, depth, sequencer } = self.continuity
  self.olds = 0
  if (depth !== undefined) {
    self.bids.truncate(depth)
    self.asks.truncate(depth)
  }
  if (checksum !== undefined && update.checksum !== undefined) {
    self.counts.checksums++
    if (sum(self, checksum) !== update.checksum) {
      self.counts.checksumFailures++
      return stale(self, "checksum", update)
    }
  }
  if (sequencer.kind !== "none") self.sequence = update.last ?? self.sequence
  self.venueTime = update.venueTime ?? self.venueTime
  if (crossed(self)) return stale(self, "crossed", update)
  if (isThin(self)) return stale(self, "coverage", update)
  self.counts.applied++
  return applied
}

const sum = ({ asks, bids }: Mutable, { levels, line, pairs }: Checksum.Rule): number =>
  pairs === undefined ? Checksum.crc32(line(bids, asks)) : LevelSums.sumOf(bids, asks, levels, pairs === "negative")

const crossed = ({ asks, bids }: Mutable): boolean =>
  bids.length > 0 && asks.length > 0 && (bids.value(0) ?? 0) >= (asks.value(0) ?? 0)

/** So many best levels of each side must be within what the snapshot showed. */
const coveredAtLeast = 10

const isThin = ({ asks, bids, known }: Mutable): boolean =>
  (known.bid > 0 && (bids.value(coveredAtLeast - 1) ?? 0) < known.bid) ||
  (known.ask < Infinity && (asks.value(coveredAtLeast - 1) ?? Infinity) > known.ask)

/** A snapshot that is as long as it may be ends before the book does. */
const bound = (self: Mutable): void => {
  const { asks, bids, continuity, known } = self
  const most = continuity.snapshotLevels ?? Infinity
  if (bids.length >= most) known.bid = bids.value(bids.length - 1) ?? 0
  if (asks.length >= most) known.ask = asks.value(asks.length - 1) ?? Infinity
}

const hold = (self: Mutable, update: BookUpdate): Outcome => {
  if (self.continuity.bootstrap !== "rest") {
    self.counts.ignored++
    return ignored
  }
  if (self.waiting.length >= (self.continuity.buffer ?? 10_000)) return stale(self, "overflow", update)
  self.waiting.push(update)
  return buffered
}

const lose = (self: Mutable, reason: Reason, at: number): void => {
  self.counts.gaps++
  self.status = { _tag: "Stale", since: at, reason }
}

const stale = (self: Mutable, reason: Reason, update: BookUpdate): Outcome => {
  const { sequencer } = self.continuity
  const expected =
    sequencer.kind === "chain" || self.sequence === undefined ? self.sequence : Sequencer.next(self.sequence)
  lose(self, reason, update.arrivalTime)
  // The update that showed the gap is newer than the snapshot to come may be.
  self.waiting = self.continuity.bootstrap === "rest" && reason !== "overflow" ? [update] : []
  return {
    _tag: "Gap",
    reason,
    remedy: sequencer.remedy,
    expected,
    received: sequencer.kind === "chain" ? update.previous : (update.first ?? update.last)
  }
}

/**
 * Whether the book waits for a snapshot over HTTP.
 *
 * @category getters
 * @since 0.1.0
 */
export const needsSnapshot = (book: Book): boolean =>
  book.continuity.bootstrap === "rest" && book.status._tag !== "Synced"

/**
 * Gives the book a snapshot from HTTP, then the updates that waited for it. A
 * snapshot older than the first of them is a gap: fetch another one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const bootstrap = (book: Book, snapshot: BookUpdate): Outcome => {
  const self = open(book)
  const waiting = self.waiting
  self.waiting = []
  let outcome = load(self, snapshot)
  bound(self)
  for (const [index, update] of waiting.entries()) {
    if (outcome._tag === "Gap") {
      // What comes after the gap may follow the next snapshot.
      self.waiting.push(...waiting.slice(index))
      return outcome
    }
    const next = step(self, update)
    if (next._tag === "Ignored") self.counts.dropped++
    else outcome = next
  }
  return outcome
}

/**
 * Says that the book cannot be believed: its socket ended, its connection lost a
 * frame, or a frame of its topic could not be read.
 *
 * @category combinators
 * @since 0.1.0
 */
export const invalidate = (book: Book, reason: Reason, at: number): void => {
  const self = open(book)
  self.waiting = []
  if (self.status._tag === "Synced") lose(self, reason, at)
}

/** Without sequence numbers only the levels under the checksum are proven. */
const proven = ({ continuity }: Book): number =>
  continuity.sequencer.kind === "none" && continuity.checksum !== undefined ? continuity.checksum.levels : Infinity

/** How many levels of a side are within what the snapshot showed. */
const covered = (side: BookSide, worst: number, isKnown: (price: number) => boolean): number => {
  if (worst === 0 || worst === Infinity) return side.length
  let count = side.length
  while (count > 0 && !isKnown(side.value(count - 1) ?? 0)) count--
  return count
}

const bidsOf = ({ bids, known }: Mutable): number => covered(bids, known.bid, (price) => price >= known.bid)
const asksOf = ({ asks, known }: Mutable): number => covered(asks, known.ask, (price) => price <= known.ask)

const levelsOf = (side: BookSide, count: number): ReadonlyArray<Level> =>
  Array.from({ length: Math.min(count, side.length) }, (_, index) => levelAt(side, index))

const levelAt = (side: BookSide, index: number): Level => ({
  price: side.value(index) ?? 0,
  priceText: side.price(index),
  size: Number(side.size(index)),
  sizeText: side.size(index)
})

/**
 * The best `n` levels of each side; `None` unless the book is `Synced`. Where a
 * checksum is the only proof, there are no more levels than it covers; where a
 * snapshot showed a part of the book, there are none beyond.
 *
 * @category getters
 * @since 0.1.0
 */
export const depth = (book: Book, n: number): Option.Option<Levels> => {
  if (book.status._tag !== "Synced") return Option.none()
  const count = Math.min(n, proven(book))
  const self = open(book)
  return Option.some({
    bids: levelsOf(self.bids, Math.min(count, bidsOf(self))),
    asks: levelsOf(self.asks, Math.min(count, asksOf(self)))
  })
}

/**
 * All levels that are proven; `None` unless the book is `Synced`.
 *
 * @category getters
 * @since 0.1.0
 */
export const levels = (book: Book): Option.Option<Levels> => depth(book, Infinity)

/**
 * What the book holds, be it right or not.
 *
 * @category getters
 * @since 0.1.0
 */
export const lastKnown = (book: Book): Levels => {
  const { asks, bids } = open(book)
  return { bids: levelsOf(bids, Infinity), asks: levelsOf(asks, Infinity) }
}

/**
 * How many levels the book holds, be it right or not.
 *
 * @category getters
 * @since 0.1.0
 */
export const size = (book: Book): { readonly bids: number; readonly asks: number } => {
  const { asks, bids } = open(book)
  return { bids: bids.length, asks: asks.length }
}

/**
 * The best bid and offer; `None` unless the book is `Synced`.
 *
 * @category getters
 * @since 0.1.0
 */
export const bbo = (
  book: Book
): Option.Option<{ readonly bid: Level | undefined; readonly ask: Level | undefined }> => {
  if (book.status._tag !== "Synced") return Option.none()
  const { asks, bids } = open(book)
  return Option.some({
    bid: bids.length === 0 ? undefined : levelAt(bids, 0),
    ask: asks.length === 0 ? undefined : levelAt(asks, 0)
  })
}

/**
 * The book as one snapshot, for those who keep a copy; `None` unless it is `Synced`.
 *
 * @category getters
 * @since 0.1.0
 */
export const snapshot = (book: Book, symbol: string, at: number): Option.Option<BookUpdate> => {
  if (book.status._tag !== "Synced") return Option.none()
  const self = open(book)
  const count = proven(book)
  return Option.some({
    _tag: "BookUpdate",
    symbol,
    kind: "snapshot",
    bids: self.bids.changes(Math.min(count, bidsOf(self))),
    asks: self.asks.changes(Math.min(count, asksOf(self))),
    first: undefined,
    last: book.sequence,
    previous: undefined,
    checksum: undefined,
    venueTime: book.venueTime,
    arrivalTime: at,
    deliveryTime: at
  })
}
