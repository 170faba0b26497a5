/**
 * A client as it is often written without a library: one socket for each line of
 * a venue, a frame for every topic, a new dial half a second after each end, and
 * every change of a book believed. It runs beside ours on the same seed.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Transport from "kharbranth/Transport"
import type { BookUpdate, Changes, FeedEvent } from "../../src/FeedEvent.ts"
import type { Topic } from "../../src/Topic.ts"
import type { Venue } from "../../src/Venue.ts"

/** What a naive client does. */
export interface Options {
  /** How the venue's frames are written and read; the client takes nothing else of it. */
  readonly venue: Venue
  readonly topics: ReadonlyArray<Topic>
  /** Where an address of the venue is found. Default: there. */
  readonly address?: ((url: string) => string) | undefined
  /** Fetches a snapshot; a failure is not tried again. */
  readonly fetch: (url: string) => Effect.Effect<string, unknown>
}

/** A book as the client believes it. */
export interface Believed {
  readonly symbol: string
  /** The venue's number and time of the last change. */
  readonly sequence: bigint | number | undefined
  readonly venueTime: number | undefined
  /** Best first. */
  readonly bids: ReadonlyArray<readonly [price: string, size: string]>
  readonly asks: ReadonlyArray<readonly [price: string, size: string]>
}

/** A client that runs. */
export interface NaiveClient {
  readonly counts: {
    readonly dials: number
    readonly connected: number
    readonly frames: number
    readonly events: number
  }
  /** The books that it has, with their best levels. */
  readonly books: (levels: number) => ReadonlyArray<Believed>
  /** The ids of the trades that it saw, by topic. */
  readonly trades: ReadonlyMap<string, ReadonlyArray<string>>
}

/** The fixed pause of most programs that reconnect. */
const pause = "500 millis"

type Side = Map<string, string>

const change = (side: Side, { prices, sizes }: Changes): void => {
  for (const [index, price] of prices.entries()) {
    const size = sizes[index] ?? "0"
    if (Number(size) === 0) side.delete(price)
    else side.set(price, size)
  }
}

const best = (side: Side, levels: number, sign: 1 | -1): ReadonlyArray<readonly [string, string]> =>
  [...side].toSorted(([left], [right]) => sign * (Number(left) - Number(right))).slice(0, levels)

class NaiveBook {
  readonly symbol: string
  private readonly bids: Side = new Map()
  private readonly asks: Side = new Map()
  private sequence: bigint | number | undefined
  private venueTime: number | undefined

  constructor(symbol: string) {
    this.symbol = symbol
  }

  /** Whatever comes is believed. */
  apply(update: BookUpdate): void {
    if (update.kind === "snapshot") {
      this.bids.clear()
      this.asks.clear()
    }
    change(this.bids, update.bids)
    change(this.asks, update.asks)
    this.sequence = update.last ?? this.sequence
    this.venueTime = update.venueTime ?? this.venueTime
  }

  believed(levels: number): Believed | undefined {
    const { sequence, symbol, venueTime } = this
    if (this.bids.size === 0 && this.asks.size === 0) return undefined
    return { symbol, sequence, venueTime, bids: best(this.bids, levels, -1), asks: best(this.asks, levels, 1) }
  }
}

class Naive implements NaiveClient {
  readonly counts = { dials: 0, connected: 0, frames: 0, events: 0 }
  readonly trades = new Map<string, Array<string>>()
  private readonly options: Options
  private readonly topics = new Map<string, Topic>()
  private readonly held = new Map<string, NaiveBook>()
  private requests = 0

  constructor(options: Options) {
    this.options = options
    for (const topic of options.topics) this.topics.set(options.venue.key(topic), topic)
  }

  books(levels: number): ReadonlyArray<Believed> {
    return [...this.held.values()].flatMap((book) => book.believed(levels) ?? [])
  }

  /** Dials a line for ever. */
  line(line: string, transport: Transport.Transport["Service"]): Effect.Effect<void> {
    return this.session(line, transport).pipe(
      Effect.scoped,
      Effect.ignore,
      Effect.andThen(Effect.sleep(pause)),
      Effect.forever
    )
  }

  /** One socket, from its dial to its end. */
  private session(line: string, transport: Transport.Transport["Service"]): Effect.Effect<void, unknown, Scope.Scope> {
    const { address = (url: string) => url, venue } = this.options
    return Effect.gen({ self: this }, function* () {
      const { target } = venue.lines[line] ?? {}
      // An address that has to be asked for is more than this client knows of.
      const url = typeof target === "string" ? address(target) : yield* Effect.fail("no address")
      const wire = venue.wire()
      let over = (): void => {}
      const ended = Effect.callback<void>((resume) => {
        over = () => resume(Effect.void)
      })
      const dial: Transport.Dial = {
        connection: `${venue.id}/${line}`,
        epoch: ++this.counts.dials,
        url,
        subprotocols: [],
        headers: {},
        maxMessageSize: 64 * 1024 * 1024,
        writeMark: { high: 1024 * 1024, low: 1024 }
      }
      let isOver = false
      const link = yield* transport.dial(dial, {
        frame: (frame) => {
          if (typeof frame === "string") this.frame(frame, venue.classify(frame, wire))
        },
        ping: () => {},
        pong: () => {},
        drained: () => {},
        ended: () => {
          isOver = true
          over()
        }
      })
      this.counts.connected++
      const own = [...this.topics.values()].filter((topic) => venue.line(topic) === line)
      for (const topic of own) link.write(venue.subscribe([topic], ++this.requests, wire))
      for (const topic of own) if (topic.channel === "book") yield* Effect.forkScoped(this.snapshot(topic))
      if (!isOver) yield* ended
    })
  }

  private snapshot(topic: Topic): Effect.Effect<void> {
    const { fetch, venue } = this.options
    const request = venue.snapshot?.(topic)
    if (request === undefined) return Effect.void
    return fetch(request.url).pipe(
      Effect.map((body) => {
        const found = request.decode(body, 0)
        if (Result.isSuccess(found)) this.take(topic, found.success)
      }),
      Effect.ignore
    )
  }

  private frame(raw: string, kind: ReturnType<Options["venue"]["classify"]>): void {
    this.counts.frames++
    if (kind._tag !== "Data") return
    for (const key of kind.keys) {
      const topic = this.topics.get(key)
      const found = topic && this.options.venue.decode(raw, topic, 0)
      if (topic === undefined || found === undefined || Result.isFailure(found)) continue
      for (const event of found.success) this.take(topic, event)
    }
  }

  private take(topic: Topic, event: FeedEvent): void {
    this.counts.events++
    if (event._tag === "Trade") this.tradesOf(topic).push(event.id ?? "")
    else if (event._tag === "BookUpdate") this.bookOf(topic).apply(event)
  }

  private tradesOf(topic: Topic): Array<string> {
    const known = this.trades.get(topic.symbol)
    if (known !== undefined) return known
    const made: Array<string> = []
    this.trades.set(topic.symbol, made)
    return made
  }

  private bookOf(topic: Topic): NaiveBook {
    const known = this.held.get(topic.symbol)
    if (known !== undefined) return known
    const made = new NaiveBook(topic.symbol)
    this.held.set(topic.symbol, made)
    return made
  }
}

export const run = (options: Options): Effect.Effect<NaiveClient, never, Scope.Scope | Transport.Transport> =>
  Effect.gen(function* () {
    const transport = yield* Transport.Transport
    const client = new Naive(options)
    const lines = new Set(options.topics.map((topic) => options.venue.line(topic)))
    for (const line of lines) yield* Effect.forkScoped(client.line(line, transport))
    return client
  })
