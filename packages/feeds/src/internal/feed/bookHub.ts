/**
 * The book of a topic, shared by everybody who reads it: a copy for each line that
 * carries it, kept right in the background, and the readers of its changes.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Book from "../../Book.ts"
import type { BookUpdate, Marker, Reason } from "../../FeedEvent.ts"
import type { Rest } from "../../Rest.ts"
import type { Topic } from "../../Topic.ts"
import { Cell } from "../kit/cell.ts"
import type { Line, Refused } from "../line/line.ts"
import { BookLeg, type LegOwner } from "./bookLeg.ts"
import { isMarker, type Part, ReaderBuffer } from "./reader/buffer.ts"
import { Dedupe, type Score } from "./dedupe.ts"
import { follow, reasonOf } from "./reader/flow.ts"
import { mend, type Mending } from "./mend.ts"

export interface BookHubOptions {
  readonly topic: Topic<"book">
  readonly lines: ReadonlyArray<Line>
  readonly rest: Rest
  readonly clock: Clock.Clock
  readonly scores: ReadonlyArray<Score>
  readonly report: (line: Line, mending: Mending) => void
  readonly failed: (line: Line, issue: string) => void
}

type Reader = ReaderBuffer<BookUpdate, Refused>

export class BookHub implements LegOwner {
  readonly status: Cell<Book.Status>
  /** The most advanced copy, after every change of any. */
  readonly changes: Cell<Book.Book>
  private readonly options: BookHubOptions
  private readonly legs: ReadonlyArray<BookLeg>
  private readonly readers = new Set<Reader>()
  private readonly dedupe: Dedupe
  /** The copy whose updates the readers follow. */
  private followed: BookLeg
  /** How it stopped being right, until it is again. */
  private stale: Extract<Book.Status, { readonly _tag: "Stale" }> | undefined
  private open: number

  constructor(options: BookHubOptions) {
    this.options = options
    this.legs = options.lines.map((line, index) => new BookLeg(line, index, options.topic, this))
    this.followed = this.legs[0]!
    this.open = this.legs.length
    this.dedupe = new Dedupe(options.scores)
    this.status = new Cell<Book.Status>(this.followed.book.status)
    this.changes = new Cell(this.followed.book)
  }

  /** The copy that is right and most advanced, or whichever there is. */
  get book(): Book.Book {
    let best = this.followed.book
    for (const { book } of this.legs) if (isAhead(book, best)) best = book
    return best
  }

  /** Subscribes the topic on each of its lines and keeps the copies right, until the Scope closes. */
  readonly start: Effect.Effect<void, Refused, Scope.Scope> = Effect.suspend(() =>
    Effect.forEach(this.legs, (leg) => this.join(leg), { discard: true })
  )

  private join(leg: BookLeg): Effect.Effect<void, Refused, Scope.Scope> {
    const { line, topic } = leg
    const { failed, report, rest } = this.options
    const followed = follow(line, topic, {
      watcher: leg,
      message: (incoming) => leg.take(incoming),
      missed: (gap) => leg.interruptedBy(reasonOf(gap)),
      stands: (state) => leg.stands(state),
      ended: (error) => this.ended(leg, error)
    })
    const mending = mend(leg, {
      rest,
      now: this.now,
      report: (one) => report(line, one),
      failed: (issue) => failed(line, issue)
    })
    return Effect.andThen(followed, Effect.asVoid(Effect.forkScoped(mending, { startImmediately: true })))
  }

  /** Joins the readers of changes: it begins with the book as it is. */
  read(capacity: number, part?: Part): Effect.Effect<Reader, never, Scope.Scope> {
    const join = Effect.sync(() => {
      const reader: Reader = new ReaderBuffer({ capacity, snapshot: () => this.snapshot(), part })
      const whole = this.snapshot()
      if (whole !== undefined) reader.push(whole)
      this.readers.add(reader)
      return reader
    })
    return Effect.acquireRelease(join, (reader) => Effect.sync(() => void this.readers.delete(reader)))
  }

  /** Stamps what waited for a reader of changes, as it is handed on. */
  stamp(batch: ReadonlyArray<BookUpdate | Marker>): ReadonlyArray<BookUpdate | Marker> {
    const now = this.now()
    for (const item of batch) if (!isMarker(item)) (item as { deliveryTime: number }).deliveryTime = now
    return batch
  }

  /** Starts over: what the book holds is not believed any more. */
  resync(reason: Reason): void {
    for (const leg of this.legs) leg.interrupted(reason)
  }

  // ----------------------------------------------------------- what legs say

  readonly now = (): number => this.options.clock.currentTimeMillisUnsafe()

  applied(leg: BookLeg, update: BookUpdate, whole: boolean): void {
    if (this.legs.length > 1) this.score(leg, update)
    if (leg !== this.followed) return
    if (whole) this.turn()
    if (this.readers.size === 0) return
    if (whole) this.refresh()
    else this.push(update)
  }

  changed(): void {
    const { followed } = this
    if (!followed.isSynced) {
      const other = this.legs.find(({ isSynced }) => isSynced)
      if (other !== undefined) {
        this.followed = other
        this.turn()
        if (this.readers.size > 0) this.refresh()
      }
    }
    this.turn()
    this.changes.set(this.book)
  }

  /** Says whether the book can be believed, if that is news. */
  private turn(): void {
    const { status } = this.book
    if (status === this.status.getUnsafe()) return
    this.status.set(status)
    const { stale } = this
    if (status._tag === "Stale" && stale === undefined) {
      this.stale = status
      this.mark({ _tag: "Stale", reason: status.reason, since: status.since, detail: undefined })
    }
    if (status._tag !== "Synced" || stale === undefined) return
    const at = this.now()
    this.stale = undefined
    this.mark({ _tag: "Gap", reason: stale.reason, from: stale.since, to: at })
    this.mark({ _tag: "Resynced", at, after: at - stale.since })
  }

  private ended(leg: BookLeg, error: Refused | undefined): void {
    leg.interrupted("disconnected")
    this.open--
    if (this.open > 0) return
    for (const reader of this.readers) reader.end(error)
    this.status.end()
    this.changes.end()
  }

  /** Which line was first, where the venue says which update this is. */
  private score(leg: BookLeg, update: BookUpdate): void {
    const key = update.last ?? update.venueTime
    if (key !== undefined) this.dedupe.first(key, leg.index, update.arrivalTime)
  }

  private snapshot(): BookUpdate | undefined {
    return Option.getOrUndefined(Book.snapshot(this.followed.book, this.options.topic.symbol, this.now()))
  }

  private refresh(): void {
    const whole = this.snapshot()
    if (whole !== undefined) this.push(whole)
  }

  private push(update: BookUpdate): void {
    // Each reader stamps its own when it is delivered.
    let isFirst = true
    for (const reader of this.readers) {
      reader.push(isFirst ? update : { ...update })
      isFirst = false
    }
  }

  private mark(marker: Marker): void {
    for (const reader of this.readers) reader.mark(marker)
  }
}

const isAhead = (book: Book.Book, best: Book.Book): boolean => {
  if (book.status._tag !== "Synced") return false
  if (best.status._tag !== "Synced") return true
  const [at, other] = [book.sequence ?? book.venueTime, best.sequence ?? best.venueTime]
  return at !== undefined && other !== undefined && at > other
}
