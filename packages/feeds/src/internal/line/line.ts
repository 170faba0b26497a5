/**
 * One line of a venue: a pool of connections, and the registry of the topics
 * that they carry. Its numbers are the venue's table.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type { Manager } from "kharbranth/ConnectionManager"
import * as ConnectionPool from "kharbranth/ConnectionPool"
import * as Subscriptions from "kharbranth/Subscriptions"
import type { FeedEvent } from "../../FeedEvent.ts"
import type { Rest } from "../../Rest.ts"
import type { Topic } from "../../Topic.ts"
import type * as Venue from "../../Venue.ts"
import { type Arrival, codecOf, type Incoming, type LineSession, type Request } from "./incoming.ts"
import { type LineCounts, type LineReport, Members, noCounts, type Watcher } from "./members.ts"
import { settingsOf, targetOf } from "./settings.ts"

export type Refused = ConnectionPool.PoolFull | ConnectionError

export interface LineOptions {
  readonly name: string
  /** Which of the redundant lines it is. */
  readonly leg: number
  readonly venue: Venue.Venue
  readonly line: Venue.Line
  readonly manager: Manager
  readonly rest: Rest
  readonly maxConnections: number
  readonly quiet: ((topic: Topic) => Duration.Input | undefined) | undefined
  readonly report: (report: LineReport) => void
}

type Topics = Subscriptions.Subscriptions<Topic, Arrival, Refused>

/** What a session is remembered by, for the requests to it. */
interface Memory {
  session: LineSession | undefined
}

/** No frame of a request is too long. */
const anySize = Number.MAX_SAFE_INTEGER

/** Adapters use small ids for messages of their own. */
const firstId = 1_000

const matchOf = (arrival: Arrival): Subscriptions.Match | Subscriptions.Batch<Arrival> | undefined => {
  if (arrival._tag === "Batch") return Subscriptions.batch(arrival.topics, arrival.incoming)
  return arrival._tag === "Word" && arrival.kind._tag === "Answer" ? arrival.kind.match : undefined
}

/** A message is one frame: a request that an adapter splits is too large. */
const sizeOf = (request: Request): number => (request.length > 1 ? Infinity : (request[0]?.length ?? 0))

const topicsOf = ({
  line,
  quiet,
  venue
}: LineOptions): Subscriptions.ShardedOptions<Topic, Arrival, Request, Memory> => {
  const { batch, firstData, perConnection } = line.limits
  // Before the first frame there is nothing to remember, and nothing to unsubscribe.
  const wireOf = (memory: Memory) => memory.session?.wire ?? venue.wire()
  return {
    key: venue.key,
    memory: () => ({ session: undefined }),
    subscribe: (topics, id, memory) => venue.subscribe(topics, id, wireOf(memory)),
    unsubscribe: (topics, id, memory) => venue.unsubscribe(topics, id, wireOf(memory)),
    match: (arrival, memory) => {
      memory.session = arrival.session
      return matchOf(arrival)
    },
    batch: { items: batch.items, bytes: batch.bytes ?? anySize, size: sizeOf },
    size: perConnection.characters === undefined ? undefined : (topic) => venue.key(topic).length,
    dataClock: { first: firstData, ...(quiet === undefined ? { ladder: [] } : { quiet }) },
    firstId
  }
}

export class Line {
  readonly options: LineOptions
  readonly counts: LineCounts
  readonly pool: ConnectionPool.Shards<Arrival, Request>
  readonly topics: Topics
  private readonly members: Members

  constructor(
    options: LineOptions,
    counts: LineCounts,
    pool: ConnectionPool.Shards<Arrival, Request>,
    members: Members,
    topics: Topics
  ) {
    this.options = options
    this.counts = counts
    this.pool = pool
    this.members = members
    this.topics = topics
  }

  get name(): string {
    return this.options.name
  }

  get venue(): Venue.Venue {
    return this.options.venue
  }

  /** Hears what concerns the connection of a topic, for as long as the Scope. */
  watch(topic: Topic, watcher: Watcher): Effect.Effect<void, never, Scope.Scope> {
    return this.members.watch(this.venue.key(topic), watcher)
  }

  /** Decodes a frame for a topic; `undefined`, and counted, where the venue's adapter cannot read it. */
  decode(topic: Topic, { arrivalTime, raw }: Incoming): ReadonlyArray<FeedEvent> | undefined {
    try {
      const found = this.venue.decode(raw, topic, arrivalTime)
      if (Result.isSuccess(found)) return found.success
    } catch {
      // Adapters are total; one of a user's may not be, and no reader may miss an event in silence.
    }
    this.counts.malformed++
    return undefined
  }

  /** Replaces the session of each connection. */
  reconnectAll(reason: string): Effect.Effect<void> {
    return this.members.reconnectAll(reason)
  }

  /** Replaces the session that carries a topic; asked often, it does so once. */
  reconnectOf(topic: Topic, reason: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const connection = this.pool.find(this.venue.key(topic))
      return connection === undefined ? Effect.void : this.members.reconnect(connection, reason)
    })
  }
}

export const make = (options: LineOptions): Effect.Effect<Line, ConnectionError, Scope.Scope> =>
  Effect.gen(function* () {
    const { leg, line, manager, maxConnections, name, report, rest, venue } = options
    const { perConnection } = line.limits
    const clock = yield* Clock.clockWith(Effect.succeed)
    const scope = yield* Effect.scope
    const run = yield* FiberSet.makeRuntime<never>()
    const counts = noCounts()
    let sessions = 0
    const codec = codecOf(venue, leg, clock, () => sessions++)
    const target = targetOf(venue, line, rest, () => clock.currentTimeMillisUnsafe())
    const settings = settingsOf(venue, line)
    const pool = yield* ConnectionPool.shards(manager, name, {
      member: () => ({ target, codec, ...settings, ...(line.target === undefined && { egress: venue.id }) }),
      min: 0,
      max: maxConnections,
      maxCount: perConnection.topics,
      maxSize: perConnection.characters
    })
    const members = new Members(pool, { counts, clock, scope, run, report })
    const topics = yield* Subscriptions.sharded(members.listened, topicsOf(options))
    return new Line(options, counts, pool, members, topics)
  })
