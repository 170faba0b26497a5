/**
 * The topics of a feed: which lines carry each, who reads it, and the books that
 * its readers share.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as FiberSet from "effect/FiberSet"
import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Book from "../../Book.ts"
import * as Depth from "../../Depth.ts"
import type * as Public from "../../Feed.ts"
import { type FeedError, UnknownTopic } from "../../FeedError.ts"
import type { EventOf, FeedEvent, Marker } from "../../FeedEvent.ts"
import type { Rest } from "../../Rest.ts"
import type { Channel, Topic } from "../../Topic.ts"
import type { Venue } from "../../Venue.ts"
import type { Line } from "../line/line.ts"
import { backfilling } from "./reader/backfill.ts"
import { BookHub } from "./bookHub.ts"
import { isMarker, type Part, type Pull } from "./reader/buffer.ts"
import { Dedupe, newScores, type Score } from "./dedupe.ts"
import { decoding, Flow, handing, pullOf, type Read } from "./reader/flow.ts"
import { Merged, type Source } from "./reader/merged.ts"
import { checkReading } from "./options.ts"
import type { Reports } from "./reports.ts"

type TopicEntry = Public.TopicEntry<Channel>

/** A venue with the lines that are open to it: several for each kind, where they are redundant. */
export interface VenueLines {
  readonly venue: Venue
  readonly rest: Rest
  readonly lines: ReadonlyMap<string, ReadonlyArray<Line>>
}

/** A topic with what carries it. */
interface Placed<C extends Channel = Channel> {
  readonly topic: Topic<C>
  readonly venue: Venue
  readonly rest: Rest
  readonly lines: ReadonlyArray<Line>
  readonly scores: ReadonlyArray<Score>
}

interface Parts {
  readonly options: Public.Options
  readonly clock: Clock.Clock
  readonly reports: Reports
  readonly venues: ReadonlyArray<VenueLines>
}

const capacityOf = (options: Public.ReadOptions | undefined): number => options?.capacity ?? 1_024

export class Topics implements Omit<Public.Feed, "connections" | "reports"> {
  private readonly parts: Parts
  private readonly run: (effect: Effect.Effect<void>) => unknown
  private readonly hubs: RcMap.RcMap<HubKey, BookHub, FeedError>
  /** How good redundant lines were, by the kind of line. */
  private readonly scores = new Map<ReadonlyArray<Line>, ReadonlyArray<Score>>()

  static make(parts: Parts): Effect.Effect<Topics, never, Scope.Scope> {
    return Effect.gen(function* () {
      const run = yield* FiberSet.makeRuntime<never>()
      const hubs = yield* RcMap.make({ lookup: ({ placed }: HubKey) => hubOf(parts, placed) })
      return new Topics(parts, run, hubs)
    })
  }

  private constructor(
    parts: Parts,
    run: (effect: Effect.Effect<void>) => unknown,
    hubs: RcMap.RcMap<HubKey, BookHub, FeedError>
  ) {
    this.parts = parts
    this.run = run
    this.hubs = hubs
    for (const { lines } of parts.venues) {
      for (const legs of lines.values()) this.scores.set(legs, newScores(legs.length))
    }
  }

  // ---------------------------------------------------------------- finding

  private place<C extends Channel>(topic: Topic<C>): Effect.Effect<Placed<C>, UnknownTopic> {
    const { channel, symbol, venue: id } = topic
    const unknown = (issue: string) => Effect.fail(new UnknownTopic({ venue: id, channel, symbol, issue }))
    const { venues } = this.parts
    const known = venues.map(({ venue }) => venue.id).join(", ")
    const found = id === undefined && venues.length === 1 ? venues[0] : venues.find(({ venue }) => venue.id === id)
    if (found === undefined) {
      return unknown(
        id === undefined ? `name its venue, one of: ${known}` : `the feed has no venue "${id}", only: ${known}`
      )
    }
    const { rest, venue } = found
    if (!venue.channels.includes(channel)) return unknown(`${venue.id} has no such channel`)
    if (symbol === "") return unknown("expected a symbol")
    const lines = found.lines.get(venue.line(topic))
    if (lines === undefined) return unknown(`the venue's \`line\` names one that it does not have`)
    return Effect.succeed({ topic, venue, rest, lines, scores: this.scores.get(lines) ?? [] })
  }

  private hub(placed: Placed<"book">): Effect.Effect<BookHub, FeedError, Scope.Scope> {
    return RcMap.get(this.hubs, new HubKey(placed))
  }

  // ---------------------------------------------------------------- reading

  readonly entries: Public.Feed["entries"] = <C extends Channel>(topic: Topic<C>, options?: Public.ReadOptions) =>
    this.streamOf(topic, options, (placed) =>
      isBook(placed) ? this.bookEntries(placed, options) : this.flowEntries(placed, options)
    ) as Stream.Stream<EventOf<C> | Marker, FeedError>

  readonly stream: Public.Feed["stream"] = (topic, options) =>
    Stream.filter(this.entries(topic, options), (entry): entry is EventOf<Channel> & typeof entry => !isMarker(entry))

  readonly raw: Public.Feed["raw"] = (topic, options) =>
    this.streamOf(topic, options, (placed) =>
      Effect.suspend(() => {
        const flow = this.flow<Public.Raw>(placed, options)
        return Effect.as(flow.start, pullOf(flow, asRaw))
      })
    )

  private streamOf<C extends Channel, A>(
    topic: Topic<C>,
    options: Public.ReadOptions | undefined,
    pull: (placed: Placed<C>) => Effect.Effect<Pull<A, FeedError>, FeedError, Scope.Scope>
  ): Stream.Stream<A, FeedError> {
    return Stream.scoped(Stream.fromPull(Effect.flatMap(this.placeToRead(topic, options), pull)))
  }

  private placeToRead<C extends Channel>(
    topic: Topic<C>,
    options: Public.ReadOptions | undefined
  ): Effect.Effect<Placed<C>, FeedError> {
    return Effect.flatMap(
      this.place(topic),
      (placed): Effect.Effect<Placed<C>, FeedError> =>
        checkReading(placed.lines[0]!.name, options) ?? Effect.succeed(placed)
    )
  }

  readonly merged: Public.Feed["merged"] = <C extends Channel>(
    topics: ReadonlyArray<Topic<C>>,
    options?: Public.ReadOptions
  ) => {
    // What fills a gap waits for an answer, and no other topic may wait with it.
    if (this.parts.options.backfill === true) return this.mergedStreams(topics, options)
    const all = Effect.forEach(topics, (topic) => this.placeToRead(topic, options))
    const merged = Effect.flatMap(all, (placed) => {
      const reader = new Merged<TopicEntry, FeedError>()
      const joined = Effect.forEach(placed, (one) => this.join(one, options, reader.source()), { discard: true })
      return Effect.as(joined, reader.pull)
    })
    return Stream.scoped(Stream.fromPull(merged)) as Stream.Stream<Public.TopicEntry<C>, FeedError>
  }

  private mergedStreams<C extends Channel>(
    topics: ReadonlyArray<Topic<C>>,
    options: Public.ReadOptions | undefined
  ): Stream.Stream<Public.TopicEntry<C>, FeedError> {
    return Stream.mergeAll(
      topics.map((topic) => Stream.map(this.entries(topic, options), (entry) => ({ topic, entry }))),
      { concurrency: "unbounded" }
    )
  }

  /** Has a topic read by the reader of several. */
  private join(
    placed: Placed,
    options: Public.ReadOptions | undefined,
    source: Source<TopicEntry, FeedError>
  ): Effect.Effect<void, FeedError, Scope.Scope> {
    return isBook(placed) ? this.joinBook(placed, options, source) : this.joinFlow(placed, options, source)
  }

  private joinFlow(
    placed: Placed,
    options: Public.ReadOptions | undefined,
    source: Source<TopicEntry, FeedError>
  ): Effect.Effect<void, FeedError, Scope.Scope> {
    return Effect.suspend(() => {
      const { topic } = placed
      const { flow, read } = this.decoded(placed, options, source)
      source.readBy((found) => {
        flow.buffer.readAll(handing(flow, read, (entry) => found.push({ topic, entry })))
        return flow.buffer.ending
      })
      return flow.start
    })
  }

  private joinBook(
    placed: Placed<"book">,
    options: Public.ReadOptions | undefined,
    source: Source<TopicEntry, FeedError>
  ): Effect.Effect<void, FeedError, Scope.Scope> {
    const { topic } = placed
    return Effect.flatMap(this.hub(placed), (hub) =>
      Effect.map(hub.read(capacityOf(options), source), (buffer) =>
        source.readBy((found) => {
          buffer.readAll((batch) => {
            for (const entry of hub.stamp(batch)) found.push({ topic, entry })
          })
          return buffer.ending
        })
      )
    )
  }

  private flow<A extends FeedEvent | Public.Raw>(
    placed: Placed,
    options: Public.ReadOptions | undefined,
    part?: Part
  ): Flow<A> {
    return new Flow<A>({ ...placed, clock: this.parts.clock, capacity: capacityOf(options), part })
  }

  /** The events of a topic: what waits, how it is read, and each trade only once. */
  private decoded(placed: Placed, options: Public.ReadOptions | undefined, part?: Part) {
    const { suspect } = this.parts.options
    const dedupe = new Dedupe(placed.scores)
    const decode = decoding(placed.topic, dedupe)
    const flow = this.flow<FeedEvent>(placed, options, part)
    // A user's predicate may throw, which is the reader's end alone: it runs when the reader asks.
    if (suspect === undefined) flow.early = decode
    return { flow, dedupe, read: suspect === undefined ? decode : this.suspecting(placed, decode, suspect) }
  }

  private flowEntries(placed: Placed, options: Public.ReadOptions | undefined) {
    const { clock, options: feed } = this.parts
    const { dedupe, flow, read } = this.decoded(placed, options)
    const fill =
      feed.backfill === true && placed.topic.channel === "trades"
        ? backfilling({
            ...placed,
            now: () => clock.currentTimeMillisUnsafe(),
            admit: (trade) => dedupe.admit(trade, -1),
            failed: (issue) => this.failed(placed, issue)
          })
        : undefined
    const pull = pullOf(flow, read)
    return Effect.as(flow.start, fill === undefined ? pull : filledBy(pull, fill))
  }

  /** Replaces the connection of a topic when the user's predicate says so. */
  private suspecting(
    { topic }: Placed,
    decode: Read<FeedEvent>,
    suspect: NonNullable<Public.Options["suspect"]>
  ): Read<FeedEvent> {
    return (incoming, line) => {
      const found = decode(incoming, line)
      for (const event of found) {
        const why = isMarker(event) ? undefined : suspect(event, topic)
        if (why !== undefined) this.run(line.reconnectOf(topic, why))
      }
      return found
    }
  }

  private bookEntries(
    placed: Placed<"book">,
    options: Public.ReadOptions | undefined
  ): Effect.Effect<Pull<FeedEvent | Marker, FeedError>, FeedError, Scope.Scope> {
    return Effect.flatMap(this.hub(placed), (hub) =>
      Effect.map(hub.read(capacityOf(options)), (reader) =>
        reader.pullAs((batch): Array<FeedEvent | Marker> => [...hub.stamp(batch)])
      )
    )
  }

  private failed({ lines, topic }: Placed, issue: string): void {
    this.parts.reports.publish({ _tag: "RestFailed", line: lines[0]!.name, topic, issue })
  }

  // ------------------------------------------------------------------ books

  readonly book: Public.Feed["book"] = (topic) =>
    Effect.map(
      Effect.flatMap(this.place(topic), (placed) => this.hub(placed)),
      (hub): Public.FeedBook => ({
        topic,
        status: hub.status,
        synced: hub.status.until(({ _tag }) => _tag === "Synced"),
        book: Effect.sync(() => hub.book),
        changes: hub.changes.changes,
        bbo: Effect.sync(() => Book.bbo(hub.book)),
        depth: (levels) => Effect.sync(() => Book.depth(hub.book, levels)),
        vwap: (side, size) => Effect.sync(() => Depth.vwap(hub.book, side, size)),
        lastKnown: Effect.sync(() => Book.lastKnown(hub.book))
      })
    )

  readonly consolidated: Public.Feed["consolidated"] = (topics) =>
    Effect.map(
      Effect.forEach(topics, (topic) =>
        Effect.flatMap(this.place(topic), (placed) =>
          Effect.map(this.hub(placed), (hub) => [placed.venue.id, hub] as const)
        )
      ),
      (hubs) => {
        const best = Effect.sync(() =>
          Depth.best(
            Object.fromEntries(hubs.map(([venue, hub]) => [venue, hub.book])),
            this.parts.clock.currentTimeMillisUnsafe()
          )
        )
        return { best, changes: Stream.mapEffect(anyChange(hubs.map(([, hub]) => hub)), () => best) }
      }
    )

  // --------------------------------------------------------------- steering

  readonly hold: Public.Feed["hold"] = (topic) =>
    Effect.flatMap(this.place(topic), ({ lines }) =>
      Effect.forEach(lines, (line) => line.topics.forward(topic, {}), { discard: true })
    )

  readonly resync: Public.Feed["resync"] = (topic) =>
    Effect.flatMap(this.place(topic), (placed) => {
      const again = Effect.forEach(placed.lines, (line) => line.topics.resubscribe(topic, "custom:asked"), {
        discard: true
      })
      if (!isBook(placed)) return again
      const open = RcMap.getOption(this.hubs, new HubKey(placed))
      const stale = Effect.map(open, (hub) => Option.getOrUndefined(hub)?.resync("asked"))
      return Effect.andThen(Effect.scoped(stale), again)
    })

  readonly reconnect: Public.Feed["reconnect"] = (venue, key) =>
    Effect.forEach(
      this.parts.venues.flatMap((open) => (open.venue.id === venue ? [...open.lines] : [])),
      ([name, legs]) =>
        key === undefined || key === name
          ? Effect.forEach(legs, (line) => line.reconnectAll("asked for"), { discard: true })
          : Effect.void,
      { discard: true }
    )

  // ---------------------------------------------------------------- figures

  readonly lines: Public.Feed["lines"] = Effect.suspend(() =>
    Effect.map(
      Effect.forEach(this.parts.venues, ({ lines, rest, venue }) =>
        Effect.forEach([...lines.values()], (legs) =>
          Effect.forEach(legs, (line, leg) => figuresOf(venue, line, rest, this.scores.get(legs)?.[leg]))
        )
      ),
      (all) => all.flat(2)
    )
  )

  readonly topics: Public.Feed["topics"] = Effect.suspend(() =>
    Effect.map(
      Effect.forEach(
        this.parts.venues.flatMap(({ lines }) => [...lines.values()].flat()),
        (line) => Effect.map(line.topics.topics, (topics) => topics.map((topic) => ({ line: line.name, ...topic })))
      ),
      (all) => all.flat()
    )
  )
}

const asRaw: Read<Public.Raw> = ({ arrivalTime, raw }) => [
  { _tag: "Raw", text: raw, arrivalTime, deliveryTime: arrivalTime }
]

/** What a book's hub is found by: topics that have one name on the wire share it. */
class HubKey implements Equal.Equal {
  readonly placed: Placed<"book">
  private readonly id: string

  constructor(placed: Placed<"book">) {
    this.placed = placed
    this.id = `${placed.venue.id} ${placed.venue.key(placed.topic)}`
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof HubKey && that.id === this.id
  }

  [Hash.symbol](): number {
    return Hash.string(this.id)
  }
}

const isBook = (placed: Placed): placed is Placed<"book"> => placed.topic.channel === "book"

const hubOf = ({ clock, reports }: Parts, placed: Placed<"book">): Effect.Effect<BookHub, FeedError, Scope.Scope> => {
  const { topic } = placed
  const hub = new BookHub({
    ...placed,
    clock,
    report: (line, mending) => reports.publish({ ...mending, line: line.name, topic }),
    failed: (line, issue) => reports.publish({ _tag: "RestFailed", line: line.name, topic, issue })
  })
  return Effect.as(hub.start, hub)
}

const filledBy = <A, E>(
  pull: Pull<A, E>,
  fill: (items: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<A>>
): Pull<A, E> => Effect.flatMap(pull, (batch) => Effect.map(fill(batch), (filled) => filled as typeof batch))

/** One element now, and one after any number of changes of any hub. */
const anyChange = (hubs: ReadonlyArray<BookHub>): Stream.Stream<void> =>
  Stream.mergeAll(
    hubs.map((hub) => Stream.map(hub.changes.changes, () => undefined)),
    { concurrency: "unbounded", bufferSize: 1 }
  )

const figuresOf = (venue: Venue, line: Line, rest: Rest, score: Score | undefined): Effect.Effect<Public.LineFigures> =>
  Effect.gen(function* () {
    const members = yield* line.pool.members
    const { confirmed, topics } = yield* line.topics.figures
    const { used } = yield* rest.figures
    return {
      line: line.name,
      venue: venue.id,
      connections: members.length,
      ready: members.filter(({ stateTag }) => stateTag === "Connected").length,
      topics,
      confirmed,
      ...line.counts,
      wins: score?.wins ?? 0,
      late: score?.late ?? 0,
      lag: score === undefined || score.late === 0 ? undefined : score.lag / score.late,
      restUsed: used
    }
  })
