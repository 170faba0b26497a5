/**
 * Keeps the names of the buckets open that this process holds: compares what the
 * store wishes for with what is open, again and again. A name whose lease or wish
 * changed is closed first, and opened again when it is gone.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { type ForeignCause, foreign } from "kharbranth/ConnectionError"
import type * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Inbox from "kharbranth/Inbox"
import type { Item } from "kharbranth/Outbox"
import type { Transport } from "kharbranth/Transport"
import type { FleetEvent, OutboxMoved } from "../../FleetEvent.ts"
import type { FleetStore, Note, Wished } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import { Watchers } from "../kit/watchers.ts"
import { Cursors } from "./cursors.ts"
import type { Offer, Place } from "./kind.ts"
import { Outboxes } from "./outboxes.ts"
import { type Handed, lookEvery, type Overlapped, Takeovers } from "./takeovers.ts"

/** The right to use a bucket, as names see it. */
export interface Tenure {
  readonly lease: Lease
  isLive(): boolean
}

export interface Held {
  readonly right: Tenure
  readonly before: { readonly owner: string; readonly seenAt: number } | undefined
  readonly overlap: Overlapped["overlap"]
}

export interface Surroundings {
  readonly store: FleetStore["Service"]
  readonly clock: Clock.Clock
  readonly manager: ConnectionManager.Manager
  /** How a kind keeps a name open; `undefined` when it is not registered here. */
  readonly bodyOf: (kind: string) => ((place: Place) => Effect.Effect<never, ForeignCause>) | undefined
  readonly held: () => ReadonlyMap<string, Held>
  readonly fence: (right: Tenure, transport: Transport["Service"] | undefined) => Transport["Service"] | undefined
  readonly emit: (event: FleetEvent) => void
  /** How often the store is asked whether wishes changed, in milliseconds. */
  readonly poll: number
  /** The deadline of one statement. */
  readonly statement: number
}

/** An entry and its number; -1 of a marker for those that an observer lost. */
interface Numbered {
  readonly sequence: number
  readonly entry: Inbox.Entry<unknown>
}

/** A name that is open here, or was and is being closed. */
export interface Open {
  readonly wish: Wished
  readonly right: Tenure
  /** How many names this process opened before. */
  readonly opening: number
  readonly watchers: Watchers<Numbered>
  fiber: Fiber.Fiber<void> | undefined
  isClosing: boolean
  /** Whether it closes because another process gets it. */
  isMoving: boolean
  /** How it stops when the next owner has it; `undefined` while it cannot go on beside that one. */
  offer: Offer | undefined
  /** Whether it goes on until the next owner has it. */
  goesOn: boolean
  /** Whether its bucket is free by then: nothing can be parked under its lease any more. */
  isFreed: boolean
  /** Whether the next owner has it. */
  isHanding: boolean
  cursor: { readonly value: unknown } | undefined
}

const lostOf = (lost: number): Numbered => ({ sequence: -1, entry: Inbox.lagged(lost) })

const unknownKind = (kind: string): ForeignCause => foreign({ _tag: `UnknownKind:${kind}` })

// How many entries may wait for one that watches a name.
const watching = 1_024
// How long a name goes on that nobody claims, in nanoseconds.
const patience = 5_000_000_000n
// How many names that are closed for now may be known by when they closed.
const remembered = 10_000

// How many names open before others get their turn.
const atOnce = 32

export class Names {
  private readonly around: Surroundings
  private readonly open = new Map<string, Open>()
  private readonly cursors: Cursors
  private readonly outboxes: Outboxes
  private readonly takeovers: Takeovers
  private readonly news = Latch.makeUnsafe(true)
  private wishes: ReadonlyMap<string, Wished> = new Map()
  private version: number | undefined
  /** The rights that were held when the wishes were read: only their cursors are sure to be the last. */
  private readFor: ReadonlySet<Tenure> = new Set()
  /** When names closed that were open here under a right that is still held; the oldest first. */
  private readonly closedAt = new Map<string, { readonly right: Tenure; readonly at: number }>()
  private openings = 0
  private scope: Scope.Scope | undefined
  private runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E> = Effect.runFork

  constructor(around: Surroundings) {
    this.around = around
    this.cursors = new Cursors(around.store, around.statement)
    this.outboxes = new Outboxes(around.store, around.statement)
    this.takeovers = new Takeovers(around.store, around.clock, around.statement)
  }

  /** Something may have changed: compare now. */
  readonly changed = (): void => {
    this.news.openUnsafe()
  }

  find(name: string): Open | undefined {
    const open = this.open.get(name)
    return open === undefined || open.isClosing || open.goesOn || !open.right.isLive() ? undefined : open
  }

  /** The loops, until their scope ends; then every name is closed. */
  run(): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      this.scope = yield* Effect.scope
      this.runFork = Effect.runForkWith(yield* Effect.context<never>())
      yield* Effect.addFinalizer(() =>
        Effect.andThen(
          this.closeAll(() => true),
          this.cursors.flush()
        )
      )
      yield* Effect.forkScoped(guarded(this.round()))
      yield* Effect.forkScoped(guarded(Effect.andThen(Effect.sleep(this.around.poll), Effect.sync(this.changed))))
      yield* Effect.forkScoped(guarded(Effect.andThen(Effect.sleep("1 second"), this.cursors.flush())))
    })
  }

  /** Whether it is a name of the fleet that is open here, or is being closed. */
  has(name: string): boolean {
    return this.open.has(name)
  }

  openOf(right: Tenure): number {
    let count = 0
    for (const open of this.open.values()) if (open.right === right) count++
    return count
  }

  /**
   * Decides which names of a right go on until the next owner has them. It comes before the right is no longer held,
   * or the next round would close them all.
   */
  decide(right: Tenure): void {
    for (const open of this.open.values()) {
      if (open.right === right && !open.isClosing) open.goesOn = open.offer?.isReady() ?? false
    }
  }

  /** Closes the names of a right that do not go on. */
  close(right: Tenure): Effect.Effect<void> {
    return this.closeOf(right, ({ goesOn }) => !goesOn)
  }

  /** Closes every name of a right. */
  closeAllOf(right: Tenure): Effect.Effect<void> {
    return this.closeOf(right, () => true)
  }

  // Their last cursors and what waits in their outboxes are written.
  private closeOf(right: Tenure, which: (open: Open) => boolean): Effect.Effect<void> {
    const written = Effect.all([this.cursors.flush(), this.flushOutbox(right)], { concurrency: 2, discard: true })
    return Effect.andThen(
      this.closeAll((open) => open.right === right && which(open)),
      written
    )
  }

  private flushOutbox({ lease }: Tenure): Effect.Effect<void> {
    return Effect.catch(this.outboxes.flush(lease), () =>
      Effect.sync(() => this.around.emit({ _tag: "StoreTrouble", operation: "putOutbox" }))
    )
  }

  private closeAll(which: (open: Open) => boolean): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.forEach(
        [...this.open].filter(([, open]) => which(open)),
        ([name, open]) => this.closing(name, open),
        { concurrency: "unbounded", discard: true }
      )
    )
  }

  // ------------------------------------------------------------ to the next owner

  /** What the next owner must know of the names that go on: which they are. */
  going(right: Tenure): ReadonlyArray<Note> {
    return [...this.open].flatMap(([name, open]) =>
      open.right === right && open.goesOn && !open.isClosing ? [{ name, value: null }] : []
    )
  }

  /** Goes on with names until the next owner has them: none is closed before, unless it must be. */
  goOn(right: Tenure, isWantedBack: () => boolean): Effect.Effect<void> {
    const { clock, statement, store } = this.around
    const { bucket } = right.lease
    const since = clock.monotonicTimeNanosUnsafe()
    const look = Effect.all([store.handovers.read(bucket), store.wishes.select({ buckets: [bucket] })]).pipe(
      Effect.timeout(statement),
      Effect.tap(([{ holder, notes }, wishes]) =>
        Effect.sync(() => {
          const isLonely = clock.monotonicTimeNanosUnsafe() - since > patience
          if (holder === undefined && isLonely) return this.stopAll(right)
          const wanted = new Map(wishes.map((wish) => [wish.name, wish]))
          const ready = new Set(notes.flatMap(({ epoch, name }) => (epoch > right.lease.epoch ? [name] : [])))
          for (const [name, open] of this.open) {
            if (open.right !== right || open.isClosing) continue
            const wish = wanted.get(name)
            const isSame = wish !== undefined && !wish.paused && wish.version === open.wish.version
            if (!isSame) this.fork(this.closing(name, open))
            else if (ready.has(name) && !open.isHanding) this.fork(this.handing(name, open))
          }
        })
      ),
      Effect.ignore
    )
    for (const open of this.open.values()) if (open.right === right) open.isFreed = true
    const step: Effect.Effect<void> = Effect.suspend(() => {
      if (this.openOf(right) === 0) return Effect.void
      if (!right.isLive() || isWantedBack()) return this.closeAllOf(right)
      return Effect.andThen(Effect.andThen(look, Effect.sleep(lookEvery)), step)
    })
    return step
  }

  private stopAll(right: Tenure): void {
    for (const [name, open] of this.open) if (open.right === right) this.fork(this.closing(name, open))
  }

  /** Lets the consumer read what arrived, says how far it came, and closes the name. */
  private handing(name: string, open: Open): Effect.Effect<void> {
    const { statement, store } = this.around
    return Effect.gen({ self: this }, function* () {
      open.isHanding = true
      const read = yield* open.offer?.finish ?? Effect.undefined
      const value: Handed | undefined = read && { ...read, cursor: open.cursor }
      const note = store.handovers.note(open.right.lease, [{ name, value }])
      if (value !== undefined) yield* Effect.ignore(Effect.timeout(note, statement))
      yield* this.closing(name, open)
    })
  }

  // ------------------------------------------------------------------ a round

  private round(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* this.news.await
      this.news.closeUnsafe()
      // What must close need not wait for the store.
      this.closeStale()
      yield* this.read()
      this.closeStale()
      yield* this.openMissing()
    })
  }

  /** Reads the wishes again when they changed, or when buckets came since. */
  private read(): Effect.Effect<void> {
    const { emit, held, statement, store } = this.around
    return Effect.gen({ self: this }, function* () {
      const rights = new Set([...held().values()].map(({ right }) => right))
      const version = yield* store.wishes.version
      const isKnown = [...rights].every((right) => this.readFor.has(right))
      if (version === this.version && isKnown) return
      const leases = [...rights].map(({ lease }) => lease)
      const buckets = leases.map(({ bucket }) => bucket)
      yield* this.outboxes.fetch(leases)
      const follow = yield* this.takeovers.fetch([...held().values()])
      for (const program of follow) this.fork(program)
      const wishes = buckets.length === 0 ? [] : yield* store.wishes.select({ buckets })
      this.wishes = new Map(wishes.map((wish) => [wish.name, wish]))
      this.version = version
      for (const [name, { right }] of this.closedAt) if (!rights.has(right)) this.closedAt.delete(name)
      this.outboxes.keepOnly(new Set(leases))
      this.takeovers.keepOnly(new Set(leases))
      this.readFor = rights
    }).pipe(
      Effect.timeout(statement),
      Effect.catch(() => Effect.sync(() => emit({ _tag: "StoreTrouble", operation: "wishes" })))
    )
  }

  private isWanted(name: string, { goesOn, right, wish }: Open): boolean {
    const now = this.wishes.get(name)
    if (goesOn) return right.isLive()
    if (!right.isLive() || this.around.held().get(right.lease.bucket)?.right !== right) return false
    // Wishes of a right that came after they were read are not known yet.
    if (!this.readFor.has(right)) return true
    return now !== undefined && !now.paused && now.version === wish.version
  }

  private closeStale(): void {
    for (const [name, open] of this.open) {
      if (open.isClosing || this.isWanted(name, open)) continue
      this.fork(this.closing(name, open))
    }
  }

  /** In parts: a process that gets many names at once still renews its leases in between. */
  private openMissing(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      let started = 0
      for (const wish of this.wishes.values()) {
        const holding = this.around.held().get(wish.bucket)
        if (wish.paused || holding === undefined || this.open.has(wish.name)) continue
        if (!this.readFor.has(holding.right) || !holding.right.isLive()) continue
        this.start(wish, holding)
        started++
        if (started % atOnce === 0) yield* Effect.yieldNow
      }
    })
  }

  // ----------------------------------------------------------------- one name

  /** Who had it before: this process itself, when it only opens again. */
  private beforeOf(name: string, { before, right }: Held): Held["before"] {
    const closed = this.closedAt.get(name)
    this.closedAt.delete(name)
    return closed?.right === right ? { owner: right.lease.holder, seenAt: closed.at } : before
  }

  private start(wish: Wished, holding: Held): void {
    const { name } = wish
    const { right } = holding
    const before = this.beforeOf(name, holding)
    const open: Open = {
      wish,
      right,
      opening: this.openings++,
      watchers: new Watchers(watching, lostOf),
      fiber: undefined,
      isClosing: false,
      isMoving: false,
      offer: undefined,
      goesOn: false,
      isFreed: false,
      isHanding: false,
      cursor: undefined
    }
    this.open.set(name, open)
    const { lease } = right
    this.around.emit({ _tag: "NameOpened", name, lease })
    open.fiber = this.fork(
      Effect.onExit(this.program(open, before), (exit) =>
        Effect.sync(() => {
          if (Exit.isFailure(exit) && !open.isClosing) {
            this.around.emit({ _tag: "OpenFailed", name, lease, cause: foreign(exit.cause) })
          }
        })
      )
    )
  }

  private program(open: Open, before: Held["before"]): Effect.Effect<void, ForeignCause> {
    const { bodyOf, clock, emit, fence, manager } = this.around
    const { right, watchers, wish } = open
    let sequence = 0
    const { name } = wish
    const { lease } = right
    const body = bodyOf(wish.kind)
    if (body === undefined) return Effect.fail(unknownKind(wish.kind))
    return body({
      manager,
      name,
      lease,
      before,
      publish: (entries) => {
        // Most names are watched by nobody: their messages cost nothing here.
        if (watchers.areThere())
          watchers.publish(entries.map((entry, index) => ({ sequence: sequence + index, entry })))
        sequence += entries.length
      },
      cursor: wish.cursor,
      params: wish.params,
      tags: wish.tags,
      fence: (transport) => fence(right, transport),
      isLive: () => right.isLive(),
      now: () => clock.currentTimeMillisUnsafe(),
      saveCursor: (value) => {
        open.cursor = { value }
        this.cursors.keep(lease, name, value)
      },
      takeover: this.takeovers.of(lease, name),
      offer: (offer) => void (open.offer = offer),
      goesOn: () => open.goesOn,
      arrived: () => this.noted("OutboxTaken", open, this.outboxes.arrived(lease, name)),
      isMoving: () => open.isMoving && right.isLive(),
      park: (items) => this.outboxes.park(lease, name, this.noted("OutboxParked", open, items)),
      watched: () => watchers.joined(),
      consumerFailed: (cause) => {
        if (!open.isClosing) emit({ _tag: "ConsumerFailed", name, lease, cause })
      }
    })
  }

  private noteClosed(name: string, right: Tenure): void {
    this.closedAt.set(name, { right, at: this.around.clock.currentTimeMillisUnsafe() })
    const [oldest] = this.closedAt.keys()
    if (this.closedAt.size > remembered) this.closedAt.delete(oldest!)
  }

  private noted(
    _tag: OutboxMoved["_tag"],
    { right: { lease }, wish: { name } }: Open,
    items: ReadonlyArray<Item>
  ): ReadonlyArray<Item> {
    if (items.length > 0) this.around.emit({ _tag, name, lease, messages: items.length })
    return items
  }

  /** Ends a name; once it is gone, the loop looks again. Later callers wait for the same end. */
  private closing(name: string, open: Open): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isFirst = !open.isClosing
      open.isClosing = true
      // The right is still live and no longer among those held: it is on its way to another process.
      const { right } = open
      open.isMoving ||=
        isFirst && !open.isFreed && right.isLive() && this.around.held().get(right.lease.bucket)?.right !== right
      const ended = open.fiber === undefined ? Effect.void : Fiber.interrupt(open.fiber)
      return Effect.andThen(
        ended,
        Effect.sync(() => {
          if (!isFirst) return
          open.watchers.end()
          this.open.delete(name)
          this.noteClosed(name, open.right)
          this.around.emit({ _tag: "NameClosed", name, lease: open.right.lease })
          this.changed()
        })
      )
    })
  }

  private fork(effect: Effect.Effect<void, unknown>): Fiber.Fiber<void> {
    return Fiber.runIn(this.runFork(Effect.ignore(effect)), this.scope!)
  }
}

/** A round that dies is logged and made up for by the next one. */
const guarded = (round: Effect.Effect<void>): Effect.Effect<never> =>
  Effect.forever(
    Effect.catchDefect(round, (defect) =>
      Effect.andThen(
        Effect.logError("A round of the fleet's loop failed; the next one makes up for it.", defect),
        Effect.sleep("1 second")
      )
    )
  )
