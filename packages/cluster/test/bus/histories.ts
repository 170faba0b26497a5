/**
 * Random histories of a bus: owners of a name that come and go under growing
 * epochs, some as in a `makeFirst` move that leaves nothing out, a broker that drops, doubles, reorders and holds back packets and is away
 * now and then, and one reader. `check` says what no reader may ever see.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import { foreign } from "kharbranth/ConnectionError"
import * as Inbox from "kharbranth/Inbox"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetBus from "../../src/FleetBus.ts"
import { BusFailed } from "../../src/FleetError.ts"
import * as FleetKind from "../../src/FleetKind.ts"
import { Publication } from "../../src/internal/entries/publication.ts"
import { type Random, randomOf } from "../support/random.ts"

export const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({}),
  codec: Codec.json,
  open: (_, { name }) => ({ target: `wss://feed.example/${name}` })
})

export const gone = new BusFailed({ operation: "connection", cause: foreign({ _tag: "BrokerAway" }) })

/** Which opening a message came by, counted over all owners, and its number there. */
interface Told {
  readonly order: number
  readonly n: number
}

export interface History {
  readonly log: ReadonlyArray<Inbox.Entry<unknown>>
  /** How many messages each opening published, in their order. */
  readonly published: ReadonlyArray<number>
  /** Which openings follow on the one before, as its owner handed it over. */
  readonly handed: ReadonlySet<number>
  /** An interruption of the reader's own way to the broker that it was not told of. */
  readonly untold: string | undefined
  /** Whether the reader's own way to the broker was never cut, nor its buffer full. */
  readonly isWhole: boolean
}

// ---------------------------------------------------------------- a bad broker

class BadBroker implements FleetBus.Broker {
  private readonly random: Random
  private readonly listeners = new Set<(news: FleetBus.News) => void>()
  private readonly back = new Set<() => void>()
  private held: Array<Uint8Array> = []
  isAway = false
  isReaderAway = false
  interruptions = 0
  faults: number

  constructor(random: Random, faults: number) {
    this.random = random
    this.faults = faults
  }

  readonly mostBytes = () => 700

  readonly publish = (_: string, packet: Uint8Array) =>
    Effect.suspend(() => {
      if (this.isAway) return Effect.fail(gone)
      if (this.random() >= this.faults) this.arrive(packet)
      else this.spoil(packet)
      return Effect.void
    })

  readonly subscribe = (_: string, listener: (news: FleetBus.News) => void) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => this.listeners.add(listener)),
        () => Effect.sync(() => this.listeners.delete(listener))
      )
    )

  readonly restored = (listener: () => void) => Effect.sync(() => void this.back.add(listener))

  private spoil(packet: Uint8Array): void {
    const how = this.random.below(4)
    // 0: it is lost.
    if (how === 1) [packet, packet].forEach((one) => this.arrive(one))
    if (how >= 2) this.held.push(packet)
  }

  /** What was held back comes at last, in any order. */
  letGo(): void {
    const held = this.held
    this.held = []
    for (const packet of held.toSorted(() => this.random() - 0.5)) this.arrive(packet)
  }

  private arrive(packet: Uint8Array): void {
    if (!this.isReaderAway) this.report({ _tag: "Packet", packet })
  }

  report(news: FleetBus.News): void {
    for (const listener of this.listeners) listener(news)
  }

  /** All is well from now on, and the owners hear it. */
  mend(): void {
    this.isAway = false
    if (this.isReaderAway) this.readerBack()
    for (const listener of this.back) listener()
  }

  readerBack(): void {
    this.isReaderAway = false
    this.interruptions++
    this.report({ _tag: "Interrupted", from: undefined, error: gone })
  }
}

// ------------------------------------------------------------------- a history

interface Owner {
  readonly order: number
  readonly lease: { readonly bucket: string; readonly epoch: number; readonly holder: string }
  readonly out: Queue.Queue<Inbox.Entry<Told>, Cause.Done>
  readonly scope: Scope.Closeable
  readonly publication: Publication
  readonly reading: Fiber.Fiber<unknown, unknown>
  said: number
}

const tell = (seed: number, faults: number, steps: number) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const broker = new BadBroker(random, faults)
    const buses = [yield* FleetBus.make(broker), yield* FleetBus.make(broker)]
    const log: Array<Inbox.Entry<unknown>> = []
    const published: Array<number> = []
    const handed = new Set<number>()
    let isWhole = true
    let isReading = true
    let untold: string | undefined
    let known = { interruptions: 0, at: 0, isReading: true }
    /** As soon as it reads, the reader hears that something may be missing. */
    const unheard = (step: number): string | undefined => {
      const now = { interruptions: broker.interruptions, at: log.length, isReading }
      const isTold = log.slice(known.at).some((entry) => entry._tag === "Gap" && entry.cause._tag === "ReadError")
      if (now.interruptions === known.interruptions || isTold) {
        known = now
        return undefined
      }
      // One step to get going again.
      const isIdle = !isReading || !known.isReading
      known = { ...known, isReading }
      return isIdle ? undefined : `an interruption was not told by step ${step}`
    }
    const small = random() < 0.3
    const reading = buses[0]!.subscribe(Ticker, "a", small ? { highWaterMark: 3_000 } : {})
    yield* Effect.forkScoped(
      Stream.runForEachArray(reading, (entries) =>
        Effect.gen(function* () {
          log.push(...entries)
          while (!isReading) yield* Effect.sleep("10 millis")
        })
      )
    )
    let epoch = 1
    const owners: Array<Owner> = []

    const start = (bus: number, publication = new Publication(undefined)) =>
      Effect.gen(function* () {
        const order = published.length
        published.push(0)
        const lease = { bucket: "b", epoch, holder: `h${bus}` }
        const out = yield* Queue.unbounded<Inbox.Entry<Told>, Cause.Done>()
        const scope = Scope.makeUnsafe()
        const entries = Stream.fromQueue(out)
        const reading = yield* Effect.forkIn(
          Stream.runDrain(buses[bus]!.published({ name: "a", kind: "ticker", lease, entries, publication })),
          scope
        )
        owners.push({ order, lease, out, scope, publication, reading, said: 0 })
      })
    /** The old one stops after what it has, and the new one begins there. */
    const handOver = ({ out, publication, reading, scope }: Owner) =>
      Effect.gen(function* () {
        yield* Queue.end(out)
        yield* Fiber.await(reading)
        yield* Scope.close(scope, Exit.void)
        handed.add(published.length)
        epoch++
        yield* start(random.below(2), new Publication(publication.endedAt()))
      })
    const say = (owner: Owner, count: number) =>
      Effect.gen(function* () {
        for (let n = 0; n < count; n++) {
          yield* Queue.offer(owner.out, Inbox.message(1, { order: owner.order, n: owner.said++ }))
        }
        // What an owner says that was followed, nobody needs to hear.
        if (owner === owners.at(-1)) published[owner.order] = owner.said
      })
    yield* start(0)

    for (let step = 0; step < steps; step++) {
      const owner = owners.at(-1)!
      const roll = random.below(22)
      if (roll < 10) yield* say(owner, 1 + random.below(6))
      else if (roll === 10) {
        // The same owner's consumer begins again.
        yield* Scope.close(owner.scope, Exit.void)
        yield* start(Number(owner.lease.holder.slice(1)))
      } else if (roll === 11) {
        epoch++
        yield* start(random.below(2))
      } else if (roll === 12 && owners.length > 1) {
        // One that was followed does not know it yet.
        const old = owners[random.below(owners.length - 1)]!
        if (old.lease.epoch < owner.lease.epoch) yield* say(old, 1)
      } else if (roll === 13) broker.letGo()
      else if (roll === 14 && faults > 0) broker.isAway = true
      else if (roll === 15) broker.mend()
      else if (roll === 16 && faults > 0) {
        broker.isReaderAway = true
        isWhole = false
      } else if (roll === 17 && broker.isReaderAway) broker.readerBack()
      else if (roll === 18 && small) {
        isReading = !isReading
        isWhole &&= isReading
      } else if (roll >= 20) yield* handOver(owner)
      yield* Effect.sleep("20 millis")
      untold ??= unheard(step)
    }
    broker.faults = 0
    isReading = true
    broker.mend()
    yield* Effect.sleep("5 seconds")
    for (const { scope } of owners) yield* Scope.close(scope, Exit.void)
    return { log, published, handed, untold, isWhole } satisfies History
  })

// Brokers that are away are the point here.
const quiet = Logger.layer([])

export const history = async (seed: number, faults: number, steps = 120): Promise<History> => {
  const exit = await VirtualTime.run(Effect.scoped(Effect.provide(tell(seed, faults, steps), quiet)))
  if (Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit.cause)}`)
  return exit.value
}

// ------------------------------------------------------------------ its promises

const isMarker = ({ _tag }: Inbox.Entry<unknown>): boolean => _tag === "Gap" || _tag === "Lagged"

/** What is wrong with it; `undefined` when nothing is. */
export const check = (history: History): string | undefined => {
  const { log, published, untold } = history
  if (untold !== undefined) return untold
  let last: Told | undefined
  let between: Array<Inbox.Entry<unknown>> = []
  for (const entry of log) {
    if (entry._tag !== "Message") {
      between.push(entry)
      continue
    }
    const told = entry.message as Told
    if (last !== undefined) {
      const problem = step(history, last, told, between)
      if (problem !== undefined) return problem
    }
    last = told
    between = []
  }
  // The end: whatever was published after the last message is marked.
  const from = last?.order ?? published.length
  const after = published.slice(from + 1).some((count) => count > 0)
  const isMissing = last !== undefined && (after || last.n + 1 < published[last.order]!)
  return isMissing && !between.some(isMarker)
    ? `nothing marks what is missing at the end, after ${text(last)}`
    : undefined
}

const text = (told: Told | undefined): string => `${told?.order}/${told?.n}`

/** How many messages came between two, by owners that each handed over to the next; `undefined` when one did not. */
const missingOf = ({ handed, published }: History, last: Told, told: Told): number | undefined => {
  let missing = told.n - last.n - 1
  for (let order = last.order + 1; order <= told.order; order++) {
    if (!handed.has(order)) return undefined
    missing += published[order - 1]!
  }
  return missing
}

const step = (
  history: History,
  last: Told,
  told: Told,
  between: ReadonlyArray<Inbox.Entry<unknown>>
): string | undefined => {
  const { isWhole } = history
  const from = `from ${text(last)} to ${text(told)}`
  const gaps = between.filter(({ _tag }) => _tag === "Gap")
  if (told.order < last.order) return `an owner that was followed: ${from}`
  if (told.order === last.order && told.n <= last.n) return `a double: ${from}`
  const missing = missingOf(history, last, told)
  if (missing === undefined) return gaps.length > 0 ? undefined : `no gap ${from}`
  if (missing > 0 && !between.some(isMarker)) return `a silent hole: ${from}`
  const counted = between.reduce((sum, entry) => sum + (entry._tag === "Lagged" ? entry.dropped : 0), 0)
  return isWhole && gaps.length === 0 && counted !== missing
    ? `${counted} counted, ${missing} missing: ${from}`
    : undefined
}
