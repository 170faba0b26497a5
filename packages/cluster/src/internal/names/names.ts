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
import type { Transport } from "kharbranth/Transport"
import type { FleetEvent } from "../../FleetEvent.ts"
import type { FleetStore, Wished } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import { Watchers } from "../kit/watchers.ts"
import { Cursors } from "./cursors.ts"
import type { Place } from "./kind.ts"

/** The right to use a bucket, as names see it. */
export interface Tenure {
  readonly lease: Lease
  isLive(): boolean
}

export interface Held {
  readonly right: Tenure
  readonly before: { readonly owner: string; readonly seenAt: number } | undefined
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

/** A name that is open here, or was and is being closed. */
export interface Open {
  readonly wish: Wished
  readonly right: Tenure
  readonly watchers: Watchers<Inbox.Entry<unknown>>
  readonly watched: Latch.Latch
  fiber: Fiber.Fiber<void> | undefined
  isClosing: boolean
}

const unknownKind = (kind: string): ForeignCause => foreign({ _tag: `UnknownKind:${kind}` })

// How many entries may wait for one that watches a name.
const watching = 1_024

// How many names open before others get their turn.
const atOnce = 32

export class Names {
  private readonly around: Surroundings
  private readonly open = new Map<string, Open>()
  private readonly cursors: Cursors
  private readonly news = Latch.makeUnsafe(true)
  private wishes: ReadonlyMap<string, Wished> = new Map()
  private version: number | undefined
  /** The rights that were held when the wishes were read: only their cursors are sure to be the last. */
  private readFor: ReadonlySet<Tenure> = new Set()
  /** When names were closed that were open here under a right that is still held. */
  private readonly closedAt = new Map<string, { readonly right: Tenure; readonly at: number }>()
  private scope: Scope.Scope | undefined
  private runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E> = Effect.runFork

  constructor(around: Surroundings) {
    this.around = around
    this.cursors = new Cursors(around.store, around.statement)
  }

  /** Something may have changed: compare now. */
  readonly changed = (): void => {
    this.news.openUnsafe()
  }

  find(name: string): Open | undefined {
    const open = this.open.get(name)
    return open === undefined || open.isClosing || !open.right.isLive() ? undefined : open
  }

  /** The loops, until their scope ends; then every name is closed. */
  run(): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      this.scope = yield* Effect.scope
      this.runFork = Effect.runForkWith(yield* Effect.context<never>())
      yield* Effect.addFinalizer(() => this.closeAll(() => true))
      yield* Effect.forkScoped(guarded(this.round()))
      yield* Effect.forkScoped(guarded(Effect.andThen(Effect.sleep(this.around.poll), Effect.sync(this.changed))))
      yield* Effect.forkScoped(guarded(Effect.andThen(Effect.sleep("1 second"), this.cursors.flush())))
    })
  }

  /** Closes every name of a right; what it kept last is written. */
  close(right: Tenure): Effect.Effect<void> {
    return Effect.andThen(
      this.closeAll((open) => open.right === right),
      this.cursors.flush()
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
      const buckets = [...rights].map(({ lease }) => lease.bucket)
      const wishes = buckets.length === 0 ? [] : yield* store.wishes.select({ buckets })
      this.wishes = new Map(wishes.map((wish) => [wish.name, wish]))
      this.version = version
      for (const [name, { right }] of this.closedAt) if (!rights.has(right)) this.closedAt.delete(name)
      this.readFor = rights
    }).pipe(
      Effect.timeout(statement),
      Effect.catch(() => Effect.sync(() => emit({ _tag: "StoreTrouble", operation: "wishes" })))
    )
  }

  private isWanted(name: string, { right, wish }: Open): boolean {
    const now = this.wishes.get(name)
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
    return closed?.right === right ? { owner: right.lease.holder, seenAt: closed.at } : before
  }

  private start(wish: Wished, holding: Held): void {
    const { name } = wish
    const { right } = holding
    const before = this.beforeOf(name, holding)
    const watched = Latch.makeUnsafe(false)
    const open: Open = {
      wish,
      right,
      watched,
      watchers: new Watchers(
        watching,
        (lost) => Inbox.lagged(lost),
        () => watched.openUnsafe()
      ),
      fiber: undefined,
      isClosing: false
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
    const { right, watched, watchers, wish } = open
    const { name } = wish
    const { lease } = right
    const body = bodyOf(wish.kind)
    if (body === undefined) return Effect.fail(unknownKind(wish.kind))
    return body({
      manager,
      name,
      lease,
      before,
      watchers,
      cursor: wish.cursor,
      params: wish.params,
      tags: wish.tags,
      fence: (transport) => fence(right, transport),
      isLive: () => right.isLive(),
      now: () => clock.currentTimeMillisUnsafe(),
      saveCursor: (value) => this.cursors.keep(lease, name, value),
      watched: watched.await,
      consumerFailed: (cause) => {
        if (!open.isClosing) emit({ _tag: "ConsumerFailed", name, lease, cause })
      }
    })
  }

  /** Ends a name; once it is gone, the loop looks again. Later callers wait for the same end. */
  private closing(name: string, open: Open): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isFirst = !open.isClosing
      open.isClosing = true
      const ended = open.fiber === undefined ? Effect.void : Fiber.interrupt(open.fiber)
      return Effect.andThen(
        ended,
        Effect.sync(() => {
          if (!isFirst) return
          open.watchers.end()
          this.open.delete(name)
          this.closedAt.set(name, { right: open.right, at: this.around.clock.currentTimeMillisUnsafe() })
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
