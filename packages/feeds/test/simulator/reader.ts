/**
 * A client of a simulator without any I/O: it speaks through an adapter of this
 * package, keeps books, and compares each with the venue's own after every update.
 */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Book from "../../src/Book.ts"
import type { FeedEvent } from "../../src/FeedEvent.ts"
import type { Simulator, When } from "../../src/simulator/Simulator.ts"
import type { Line } from "./lines.ts"
import type * as Topic from "../../src/Topic.ts"
import type { Kind, Venue, Wire } from "../../src/Venue.ts"

export interface Reading {
  readonly kinds: Map<Kind["_tag"], number>
  readonly failures: Array<string>
  readonly unread: Array<string>
  readonly trades: Array<string>
  readonly tickers: Array<number>
  /** Books that were synced and equal to the venue's, and those that were synced and not. */
  right: number
  readonly wrong: Array<string>
  readonly gaps: Array<string>
  /** How a reader's connection ended. */
  ended: string | undefined
}

const text = (levels: Book.Levels): string =>
  [levels.bids, levels.asks]
    .map((side) => side.map((level) => `${level.priceText}@${level.sizeText}`).join(" "))
    .join(" | ")

export class Reader {
  readonly reading: Reading = {
    kinds: new Map(),
    failures: [],
    unread: [],
    trades: [],
    tickers: [],
    right: 0,
    wrong: [],
    gaps: [],
    ended: undefined
  }
  readonly books = new Map<string, Book.Book>()
  private readonly venue: Venue
  private readonly simulator: Simulator
  private readonly topics = new Map<string, Topic.Topic>()
  private wire: Wire
  private readonly depth: number
  private connection = 0
  private line: Line | undefined
  private requests = 0
  /** Whether the connection must be made again. */
  private broken = false
  private reply: (text: string) => string | undefined = () => undefined
  private beats: { readonly every: number; readonly frame: string; next: number } | undefined

  constructor(venue: Venue, simulator: Simulator, depth = 10) {
    this.venue = venue
    this.simulator = simulator
    this.depth = depth
    this.wire = venue.wire()
  }

  get now(): number {
    return this.simulator.now
  }

  /** Dials a line and says what must be said there; after a loss it is dialed again, and all is subscribed again. */
  open(line: Line, now: number): void {
    this.line = line
    this.dial(line.url(this.simulator), now)
    if (line.first !== undefined) this.send(line.first, now)
    if (line.beat !== undefined) this.beat(...line.beat)
    if (line.reply !== undefined) this.answer(line.reply)
  }

  dial(url: string, now: number): void {
    const answer = this.simulator.connect({ url }, now)
    if (answer._tag === "Rejected") throw new Error(`refused with ${answer.status}`)
    this.connection = answer.connection
    this.wire = this.venue.wire()
    this.reading.ended = undefined
  }

  send(frame: string, now: number): void {
    this.simulator.receive(this.connection, frame, now)
  }

  subscribe(topics: ReadonlyArray<Topic.Topic>, now: number): void {
    for (const topic of topics) {
      this.topics.set(this.venue.key(topic), topic)
      if (topic.channel === "book") this.books.set(topic.symbol, Book.make(this.venue.continuity))
    }
    for (const frame of this.venue.subscribe(topics, ++this.requests, this.wire)) this.send(frame, now)
  }

  private again(topics: ReadonlyArray<Topic.Topic>): void {
    for (const topic of topics) {
      for (const frame of this.venue.subscribe([topic], ++this.requests, this.wire)) this.send(frame, this.now)
    }
  }

  private reopen(): void {
    const { line } = this
    if (line === undefined) return
    this.simulator.left(this.connection, this.now)
    for (const book of this.books.values()) Book.invalidate(book, "disconnected", this.now)
    this.open(line, this.now)
    this.again([...this.topics.values()])
  }

  /** What mends a book that lost an update, on this connection or on another. */
  private mend(topic: Topic.Topic, remedy: string): void {
    if (remedy === "reconnect") this.broken = true
    if (remedy !== "resubscribe") return
    this.unsubscribe(topic, this.now)
    this.again([topic])
  }

  unsubscribe(topic: Topic.Topic, now: number): void {
    for (const frame of this.venue.unsubscribe([topic], ++this.requests, this.wire)) this.send(frame, now)
  }

  /** Answers frames from now on. */
  answer(reply: (text: string) => string | undefined): void {
    this.reply = reply
  }

  /** Says something every so often from now on. */
  beat(every: number, frame: string): void {
    this.beats = { every, frame, next: this.simulator.now + every }
  }

  /** Lets time pass, and reads what the venue has sent. */
  run(until: number, step = 50): void {
    for (
      let now = this.simulator.next ?? until;
      now < until;
      now = Math.max(now + step, this.simulator.next ?? until)
    ) {
      this.simulator.tick(now)
      this.read()
      if (this.line !== undefined && (this.broken || this.reading.ended !== undefined)) {
        this.broken = false
        this.reopen()
      }
      const { beats } = this
      if (beats === undefined || now < beats.next) continue
      beats.next = now + beats.every
      this.send(beats.frame, now)
    }
    this.simulator.tick(until)
    this.read()
  }

  read(): void {
    for (const output of this.simulator.take()) {
      if (output.connection !== this.connection) continue
      if (output._tag === "Text") this.take(output.text, output.at)
      else if (output._tag === "Ping") this.simulator.ponged(this.connection, output.at)
      else if (output._tag === "Close") this.reading.ended = `closed ${output.code}`
      else if (output._tag === "Cut") this.reading.ended = "cut"
    }
  }

  private take(raw: string, at: number): void {
    const { failures, kinds, unread } = this.reading
    const reply = this.reply(raw)
    if (reply !== undefined) this.send(reply, this.now)
    const kind = this.venue.classify(raw, this.wire)
    kinds.set(kind._tag, (kinds.get(kind._tag) ?? 0) + 1)
    if (kind.gap) {
      for (const book of this.books.values()) Book.invalidate(book, "connection", at)
      this.reading.gaps.push("connection")
      this.broken = true
    }
    if (kind._tag === "Unknown") unread.push(raw)
    for (const key of kind._tag === "Data" ? kind.keys : []) {
      const topic = this.topics.get(key)
      if (topic === undefined) {
        unread.push(raw)
        continue
      }
      const found = this.venue.decode(raw, topic, at)
      if (Result.isFailure(found)) failures.push(`${found.failure.message}: ${raw.slice(0, 300)}`)
      else for (const event of found.success) this.took(topic, event)
    }
  }

  private took(topic: Topic.Topic, event: FeedEvent): void {
    if (event._tag === "Trade") this.reading.trades.push(event.id ?? "")
    else if (event._tag === "Ticker") this.reading.tickers.push(event.bid?.price ?? 0)
    else this.updated(topic, event)
  }

  private updated(topic: Topic.Topic, event: FeedEvent & { readonly _tag: "BookUpdate" }): void {
    const book = this.books.get(topic.symbol)
    if (book === undefined) return
    const applied = Book.apply(book, event)
    if (applied._tag === "Gap") {
      this.reading.gaps.push(`${topic.symbol} ${applied.reason}`)
      this.mend(topic, applied.remedy)
    }
    const outcome = Book.needsSnapshot(book) ? this.bootstrap(topic, book) : applied
    const believed = Book.depth(book, this.depth)
    // Where a frame has one level of several and no time, only a checksum says that the book is whole.
    const isPart = event.kind === "delta" && event.venueTime === undefined && event.checksum === undefined
    if (isPart && this.venue.snapshot === undefined) return
    if (outcome._tag === "Applied" && Option.isSome(believed)) this.compare(topic.symbol, believed.value, event)
  }

  private bootstrap(topic: Topic.Topic, book: Book.Book): Book.Outcome {
    const snapshot = this.venue.snapshot?.(topic)
    if (snapshot === undefined) throw new Error("the venue has no snapshot")
    const response = this.simulator.request({ method: "GET", url: snapshot.url }, this.simulator.now)
    const found = snapshot.decode(response.body, this.simulator.now)
    if (Result.isFailure(found)) throw new Error(found.failure.message)
    return Book.bootstrap(book, found.success)
  }

  /** The moments that a book may stand for: what was sent at a millisecond may be before or after its step. */
  private moments(symbol: string, event: FeedEvent): ReadonlyArray<When> {
    const book = this.books.get(symbol)
    if (this.venue.snapshot !== undefined && book?.sequence !== undefined) return [{ sequence: BigInt(book.sequence) }]
    const { arrivalTime } = event
    return book?.venueTime === undefined
      ? [{ time: arrivalTime }, { time: arrivalTime - 1 }]
      : [{ time: book.venueTime }]
  }

  private compare(symbol: string, believed: Book.Levels, event: FeedEvent): void {
    const mine = text(believed)
    const theirs = this.moments(symbol, event).map((when) => {
      const truth = this.simulator.book(symbol, when, this.depth)
      return [truth?.bids, truth?.asks]
        .map((side) => side?.map(([price, size]) => `${price}@${size}`).join(" "))
        .join(" | ")
    })
    if (theirs.includes(mine)) this.reading.right++
    else this.reading.wrong.push(`${symbol} at ${event.arrivalTime}: ${mine} instead of ${theirs.join(" or ")}`)
  }
}
