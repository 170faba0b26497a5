/**
 * One reader of a topic whose events stand for themselves: trades, a ticker, or
 * the raw frames of any. For a reader that waits, a frame is decoded as it comes,
 * while its text is at hand. For one that is busy, frames wait as they came and are
 * decoded when they are read, so what is dropped or never read is never decoded.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Subscriptions from "kharbranth/Subscriptions"
import type { FeedEvent, Marker, Reason } from "../../../FeedEvent.ts"
import type { Topic } from "../../../Topic.ts"
import { type Arrival, Incoming, type LineSession } from "../../line/incoming.ts"
import type { Line, Refused } from "../../line/line.ts"
import type { Watcher } from "../../line/members.ts"
import type { Dedupe } from "../dedupe.ts"
import { Freshness } from "../freshness.ts"
import { isMarker, type Part, type Pull, ReaderBuffer } from "./buffer.ts"

const reasons: Readonly<Record<string, Reason>> = {
  "session": "disconnected",
  "resubscribed": "resubscribed",
  "sequence": "sequence",
  "checksum": "checksum",
  "custom:asked": "asked"
}

/** Why a topic's subscription was interrupted, in the words of feeds. */
export const reasonOf = ({ reason }: Subscriptions.Gap): Reason => reasons[reason] ?? "resubscribed"

/** What becomes of a topic that is subscribed on a line. */
export interface Follower {
  readonly watcher: Watcher
  /** Takes a frame as it comes. */
  readonly message: (incoming: Incoming) => void
  /** Frames may be missing before the next one. */
  readonly missed: (gap: Subscriptions.Gap) => void
  /** Sees whether the venue grants the topic at all. */
  readonly stands: (state: Subscriptions.TopicState) => void
  /** The subscription is over. */
  readonly ended: (error: Refused | undefined) => void
}

/** Subscribes a topic on a line and passes on all that becomes of it, until the Scope closes. */
export const follow = (line: Line, topic: Topic, follower: Follower): Effect.Effect<void, Refused, Scope.Scope> =>
  Effect.gen(function* () {
    const { ended, missed: gap, stands, watcher } = follower
    yield* line.watch(topic, watcher)
    // The reader of a topic gets nothing else.
    const message = follower.message as (arrival: Arrival) => void
    const { state } = yield* line.topics.forward(topic, { message, gap, ended })
    const seeing = Stream.runForEach(state.changes, (now) => Effect.sync(() => stands(now)))
    yield* Effect.forkScoped(seeing, { startImmediately: true })
  })

/** What one frame became for a reader that waited, where it is not one event. */
class Several<A> {
  readonly _tag = "Several"
  readonly events: ReadonlyArray<A | Marker>

  constructor(events: ReadonlyArray<A | Marker>) {
    this.events = events
  }
}

/** What a reader gets, besides markers. */
interface Handed {
  readonly _tag: string
  readonly deliveryTime: number
}

/** What waits for a reader, each from one frame. */
type Waits<A> = Incoming | A | Several<A>

export interface FlowOptions {
  readonly topic: Topic
  readonly lines: ReadonlyArray<Line>
  readonly capacity: number
  readonly clock: Clock.Clock
  readonly part?: Part | undefined
}

export class Flow<A extends Handed> {
  readonly buffer: ReaderBuffer<Waits<A>, Refused>
  readonly options: FlowOptions
  /** Reads frames as they come, while the reader waits. Default: frames wait for it. */
  early: Read<A> | undefined
  private readonly freshness: Freshness
  /** When the last frame came by any line. */
  private lastAt: number | undefined
  /** How many lines are not over. */
  private open: number
  /** What each line's session had counted as lost when its last frame came. */
  private readonly seen: Array<Pick<Incoming, "session" | "gaps"> | undefined>
  /** The session from which another frame is no news, and the holes that it had seen. */
  private steadyIn: LineSession | undefined
  private steadyGaps = 0

  constructor(options: FlowOptions) {
    this.options = options
    this.buffer = new ReaderBuffer({ capacity: options.capacity, part: options.part })
    this.freshness = new Freshness(options.lines.length)
    this.open = options.lines.length
    this.seen = options.lines.map(() => undefined)
  }

  /** Subscribes the topic on each of its lines, until the Scope closes. */
  readonly start: Effect.Effect<void, Refused, Scope.Scope> = Effect.suspend(() =>
    Effect.forEach(this.options.lines, (line, leg) => this.join(line, leg), { discard: true })
  )

  private join(line: Line, leg: number): Effect.Effect<void, Refused, Scope.Scope> {
    return follow(line, this.options.topic, {
      watcher: this.watcher(leg),
      message: this.take,
      missed: (gap) => this.mark(this.freshness.gap(leg, reasonOf(gap), gap.from, gap.to)),
      stands: (state) => this.stands(leg, state),
      ended: (error) => this.ended(error)
    })
  }

  private watcher(leg: number): Watcher {
    return {
      // A hole in the connection's count stands before the next frame, in order.
      interrupted: (reason) => {
        if (reason !== "connection") this.mark(this.freshness.lost(leg, reason, this.now))
      },
      resumed: () => {}
    }
  }

  private stands(leg: number, state: Subscriptions.TopicState): void {
    if (state._tag !== "Rejected" && state._tag !== "Quarantined") return
    const reason = state._tag === "Rejected" ? "rejected" : "quarantined"
    this.mark(this.freshness.lost(leg, reason, this.now, state.reason))
  }

  private ended(error: Refused | undefined): void {
    this.open--
    if (this.open === 0) this.buffer.end(error)
  }

  private get now(): number {
    return this.options.clock.currentTimeMillisUnsafe()
  }

  private mark(markers: ReadonlyArray<Marker>): void {
    this.steadyIn = undefined
    for (const marker of markers) this.buffer.mark(marker)
  }

  private readonly take = (incoming: Incoming): void => {
    if (incoming.session !== this.steadyIn || incoming.gaps !== this.steadyGaps) this.resumed(incoming)
    this.lastAt = incoming.arrivalTime
    const { buffer, early } = this
    buffer.push(early !== undefined && buffer.isAwaited ? this.readEarly(early, incoming) : incoming)
  }

  private resumed({ arrivalTime, gaps, session }: Incoming): void {
    const { leg } = session
    const before = this.seen[leg]
    // The venue's count of this session had a hole since the topic's last frame: its own may have been in it.
    if (before?.session === session && before.gaps !== gaps) {
      this.mark(this.freshness.gap(leg, "connection", this.lastAt, arrivalTime))
    }
    if (before?.session !== session || before.gaps !== gaps) this.seen[leg] = { session, gaps }
    this.mark(this.freshness.alive(leg, arrivalTime))
    this.steadyIn = session
    this.steadyGaps = gaps
  }

  private readEarly(early: Read<A>, incoming: Incoming): Waits<A> {
    const events = early(incoming, this.options.lines[incoming.session.leg]!)
    const [event] = events
    return events.length === 1 && event !== undefined && !isMarker(event) ? event : new Several(events)
  }
}

/** Turns a frame into what its reader wants. */
export type Read<A> = (incoming: Incoming, line: Line) => ReadonlyArray<A | Marker>

/** Reads what waited in a flow: hands on what its reader wants of it, item by item. */
export const handing = <A extends Handed>(
  flow: Flow<A>,
  read: Read<A>,
  hand: (item: A | Marker) => void
): ((batch: ReadonlyArray<Waits<A> | Marker>) => void) => {
  const { clock, lines } = flow.options
  return (batch) => {
    const now = clock.currentTimeMillisUnsafe()
    const add = (item: A | Marker): void => {
      // When it is handed on is known now, and not before.
      if (!isMarker(item)) (item as { deliveryTime: number }).deliveryTime = now
      hand(item)
    }
    for (const item of batch) {
      if (item instanceof Incoming) for (const one of read(item, lines[item.session.leg]!)) add(one)
      else if (item instanceof Several) for (const one of item.events) add(one)
      else add(item)
    }
  }
}

/** Pulls from a flow, as its reader wants it. */
export const pullOf = <A extends Handed>(flow: Flow<A>, read: Read<A>): Pull<A | Marker, Refused> =>
  flow.buffer.pullAs((batch) => {
    const found: Array<A | Marker> = []
    handing(flow, read, (item) => found.push(item))(batch)
    return found
  })

const none: ReadonlyArray<never> = []

/** Decodes, and leaves out what came before. */
export const decoding = (topic: Topic, dedupe: Dedupe): Read<FeedEvent> => {
  return (incoming, line) => {
    const { leg } = incoming.session
    const found = line.decode(topic, incoming)
    if (found === undefined) {
      const { arrivalTime } = incoming
      return [{ _tag: "Gap", reason: "malformed", from: arrivalTime, to: arrivalTime }]
    }
    const isNew = (event: FeedEvent): boolean => event._tag !== "Trade" || dedupe.admit(event, leg)
    // Most frames have one event.
    return found.length === 1 ? (isNew(found[0]!) ? found : none) : found.filter(isNew)
  }
}
