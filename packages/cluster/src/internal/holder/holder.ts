/**
 * Holds leases for this process: claims what it should own, renews what it holds,
 * and gives up what others ask for. It compares what is with what should be, again
 * and again, so a step that was lost is made up for by the next one.
 *
 * The three loops never wait for each other. A bucket is out of `held` before
 * anything of it is closed, so nothing opens it again in between.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { FleetEvent } from "../../FleetEvent.ts"
import type { Claimed, FleetStore, Note, Notice, Renewed } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import { type Instant, instantOf, Right } from "../fence/right.ts"
import type { Timing } from "./timing.ts"

/** A bucket that this process holds. */
export interface Held {
  readonly right: Right
  /** Who held it before this process did, and when that one was last seen, in milliseconds of this wall clock. */
  readonly before: { readonly owner: string; readonly seenAt: number } | undefined
  /** A lease before, whose holder may go on with some names, and how much of that was left at the claim. */
  readonly overlap: { readonly epoch: number; readonly millis: number } | undefined
}

export interface Surroundings {
  readonly holder: string
  readonly store: FleetStore["Service"]
  readonly clock: Clock.Clock
  readonly timing: Timing
  /** The buckets that this process should own now. */
  readonly owned: () => ReadonlySet<string>
  /** `held` has changed. */
  readonly changed: () => void
  /** How many names of a bucket are open. */
  readonly open: (right: Right) => number
  /** Decides which names of a bucket go on until the next holder has them; before anything else hears of the move. */
  readonly decide: (right: Right) => void
  /** Closes every name of a bucket that does not go on; bounded. */
  readonly close: (right: Right) => Effect.Effect<void>
  /** Notes about the names that would go on until the next holder has them. */
  readonly going: (right: Right) => ReadonlyArray<Note>
  /** Goes on with those, and closes each when the next holder has it; bounded. Ends early when the bucket comes back. */
  readonly goOn: (right: Right, isWantedBack: () => boolean) => Effect.Effect<void>
  /** Closes whatever is left; bounded. */
  readonly end: (right: Right) => Effect.Effect<void>
  readonly emit: (event: FleetEvent) => void
}

export class Holder {
  /** What may be used. */
  readonly held = new Map<string, Held>()
  /** What is being closed for another, still ours in the store. */
  private readonly leaving = new Map<string, Right>()
  /** What is being freed in the store to go on beside the next holder, or does so. */
  private readonly freeing = new Set<Right>()
  /** What goes on after it was freed, until the next holder has it. */
  private readonly overlapping = new Map<string, Right>()
  /** Rights that are on their way out or wait for their turn, each with the end of that. */
  private readonly moving = new Map<Right, Deferred.Deferred<void>>()
  private readonly turns: Semaphore.Semaphore
  private readonly around: Surroundings
  /** Since when ownership has been as it is; claims wait for it to be still. */
  private still: { readonly key: string; readonly since: number } | undefined
  private settled = false
  private isLeaving = false
  /** Buckets that are still another's. */
  private awaited = 0
  /** Whether the last renewal failed: the next one comes sooner. */
  private isTroubled = false
  /** What waits to be released while a statement that releases others is on its way. */
  private freed: Array<Lease> = []
  private readonly oneRelease = Semaphore.makeUnsafe(1)
  private scope: Scope.Scope = Scope.makeUnsafe()
  /** Open when the store said that there is something to renew for, or to claim. */
  private readonly asked = Latch.makeUnsafe(false)
  private readonly freedForUs = Latch.makeUnsafe(false)
  /** What others ask for and this process still should own, as far as it knows. */
  private readonly wanted = new Map<Right, string>()

  constructor(around: Surroundings) {
    this.around = around
    this.turns = Semaphore.makeUnsafe(around.timing.concurrent)
  }

  /** The loops, until their scope ends. */
  run(): Effect.Effect<void, never, Scope.Scope> {
    const { timing } = this.around
    return Effect.gen({ self: this }, function* () {
      this.scope = yield* Effect.scope
      yield* Effect.forkScoped(
        every(() => (this.isTroubled ? timing.retryEvery : timing.renewEvery), this.renew(), this.asked)
      )
      yield* Effect.forkScoped(
        every(() => (this.awaited > 0 ? timing.askEvery : timing.claimEvery), this.claim(), this.freedForUs)
      )
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(this.nextSweep(), this.sweep())))
    })
  }

  /** The store says something that may be for this process. */
  readonly heard = (notice: Notice): void => {
    if (notice._tag === "Wanted" && notice.holder === this.around.holder) this.asked.openUnsafe()
    if (notice._tag === "Freed" && notice.holder === this.around.holder) this.freedForUs.openUnsafe()
  }

  /**
   * How many milliseconds are left until the first lease in use is over; below 0 while something of one that is over
   * is still to be cut, and `undefined` when there is none.
   */
  left(): number | undefined {
    let left: number | undefined
    for (const right of this.rights()) if (!right.isCut()) left = Math.min(left ?? Infinity, right.left())
    return left
  }

  /** Everything whose sockets may be open. */
  private rights(): ReadonlyArray<Right> {
    return [
      ...[...this.held.values()].map(({ right }) => right),
      ...this.leaving.values(),
      ...this.overlapping.values()
    ]
  }

  // ------------------------------------------------------------------ renewing

  private renew(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const rights = [...this.held.values()].map(({ right }) => right)
      const all = [...rights, ...this.leaving.values()].filter((right) => right.isLive())
      if (all.length === 0) return Effect.void
      const asked = instantOf(this.around.clock)
      const leases = all.map(({ lease }) => lease)
      this.isTroubled = true
      return this.statement("renew", this.around.store.leases.renew(leases, this.around.timing.ttl), (renewed) => {
        this.isTroubled = false
        return this.renewed(all, renewed, asked)
      })
    })
  }

  private renewed(asked: ReadonlyArray<Right>, answers: ReadonlyArray<Renewed>, at: Instant): Effect.Effect<void> {
    const known = new Map(answers.map((answer) => [answer.bucket, answer]))
    const owned = this.around.owned()
    const moving: Array<readonly [Right, string]> = []
    this.wanted.clear()
    const over: Array<Right> = []
    for (const right of asked) {
      // It may be free since this was asked, and is still used until its own end.
      if (this.freeing.has(right)) continue
      const answer = known.get(right.lease.bucket)
      if (answer?.epoch !== right.lease.epoch || !right.extend(at, this.around.timing.usable)) {
        over.push(right)
      } else if (answer.wantedBy !== undefined) {
        if (this.isLeaving || !owned.has(right.lease.bucket)) moving.push([right, answer.wantedBy])
        else this.wanted.set(right, answer.wantedBy)
      }
    }
    this.lose(over)
    return this.handOverAll(moving)
  }

  private handOverAll(moving: ReadonlyArray<readonly [Right, string]>): Effect.Effect<void> {
    return Effect.forEach(moving, ([right, by]) => Effect.forkIn(this.handOver(right, by), this.scope), {
      discard: true
    })
  }

  /** Others may know earlier than this process that a bucket is theirs. */
  private giveWanted(owned: ReadonlySet<string>): Effect.Effect<void> {
    const moving = [...this.wanted].filter(([{ lease }]) => !owned.has(lease.bucket))
    for (const [right] of moving) this.wanted.delete(right)
    return this.handOverAll(moving)
  }

  /** All cuts come before what follows from them: a process that has little CPU would cut the last ones too late. */
  private lose(rights: ReadonlyArray<Right>): void {
    const lost = rights.filter((right) => this.held.get(right.lease.bucket)?.right === right)
    for (const { lease } of lost) this.held.delete(lease.bucket)
    for (const right of rights) right.revoke()
    for (const { lease } of lost) this.around.emit({ _tag: "Lost", lease })
    if (lost.length > 0) this.around.changed()
  }

  /**
   * Until the first right may end. A timer counts the monotonic clock alone, which may stand still while the
   * machine sleeps, so it never counts far.
   */
  private nextSweep(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { ease, sweepEvery } = this.around.timing
      let wait = sweepEvery
      for (const right of this.rights()) if (!right.isCut()) wait = Math.min(wait, right.left() - ease)
      return Effect.sleep(Math.max(1, wait))
    })
  }

  /** Cuts what nobody renewed, a little before its end, so that a watchdog has no reason to kill this process. */
  private sweep(): Effect.Effect<void> {
    return Effect.sync(() => {
      const over = this.rights().filter((right) => !right.isCut() && right.left() <= this.around.timing.ease)
      for (const right of over) {
        if (this.leaving.get(right.lease.bucket) === right) this.leaving.delete(right.lease.bucket)
      }
      this.lose(over)
    })
  }

  // ------------------------------------------------------------------ claiming

  private claim(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const owned = this.around.owned()
      this.awaited = 0
      return Effect.andThen(this.giveWanted(owned), this.claimOwned(owned))
    })
  }

  private claimOwned(owned: ReadonlySet<string>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.isLeaving || !this.isSettled(owned)) return Effect.void
      const buckets = [...owned].filter(
        (bucket) => !this.held.has(bucket) && !this.leaving.has(bucket) && !this.overlapping.has(bucket)
      )
      if (buckets.length === 0) return Effect.void
      const asked = instantOf(this.around.clock)
      const { holder, store, timing } = this.around
      return this.statement("claim", store.leases.claim({ holder, buckets, ttl: timing.ttl }), ({ busy, claimed }) => {
        this.awaited = busy.length
        return this.claimed(claimed, asked)
      })
    })
  }

  private isSettled(owned: ReadonlySet<string>): boolean {
    if (this.settled) return true
    const now = instantOf(this.around.clock).wall
    const key = [...owned].toSorted().join()
    if (this.still?.key !== key) this.still = { key, since: now }
    this.settled = owned.size > 0 && now - this.still.since >= this.around.timing.settle
    return this.settled
  }

  private claimed(claimed: ReadonlyArray<Claimed>, asked: Instant): Effect.Effect<void> {
    const { clock, timing } = this.around
    const late: Array<Lease> = []
    for (const { before, bucket, epoch, holder, overlap, silence } of claimed) {
      const lease = { bucket, epoch, holder }
      const right = new Right(lease, clock, asked, timing.usable)
      if (this.isLeaving || !right.isLive()) {
        late.push(lease)
        continue
      }
      const seenAt = clock.currentTimeMillisUnsafe() - (silence ?? 0)
      this.held.set(bucket, { right, before: before === undefined ? undefined : { owner: before, seenAt }, overlap })
      this.around.emit({ _tag: "Claimed", lease, before })
    }
    if (claimed.length > late.length) this.around.changed()
    return late.length === 0 ? Effect.void : this.release(late)
  }

  // --------------------------------------------------------------- giving up

  /** Hands a bucket over when its turn comes. */
  private handOver(right: Right, wantedBy: string | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      const known = this.moving.get(right)
      if (known !== undefined) return Deferred.await(known)
      const over = Deferred.makeUnsafe<void>()
      this.moving.set(right, over)
      const permits = Math.min(this.around.timing.concurrent, Math.max(1, this.around.open(right)))
      return Effect.ensuring(
        this.turns.withPermits(permits)(this.move(right, wantedBy)),
        Effect.sync(() => {
          this.moving.delete(right)
          Deferred.doneUnsafe(over, Effect.void)
        })
      )
    })
  }

  private move(right: Right, wantedBy: string | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { bucket } = right.lease
      if (this.held.get(bucket)?.right !== right) return Effect.void
      // What keeps names open closes those that neither are held nor go on.
      this.around.decide(right)
      this.held.delete(bucket)
      this.leaving.set(bucket, right)
      this.around.changed()
      return this.around.close(right).pipe(
        Effect.andThen(this.goOn(right)),
        Effect.andThen(this.around.end(right)),
        Effect.andThen(
          Effect.suspend(() => {
            right.revoke()
            return this.release([right.lease])
          })
        ),
        Effect.ensuring(
          Effect.sync(() => {
            this.leaving.delete(bucket)
            this.overlapping.delete(bucket)
            this.around.emit({ _tag: "Released", lease: right.lease, wantedBy })
          })
        )
      )
    })
  }

  /** Frees the bucket and goes on with what is still open, where the store allows it. */
  private goOn(right: Right): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { clock, going, timing } = this.around
      const { bucket } = right.lease
      const notes = going(right)
      if (notes.length === 0) return Effect.void
      const asked = instantOf(clock)
      this.freeing.add(right)
      const freed = Effect.flatMap(this.free(right, notes), (isFree) => {
        if (!isFree || !right.extend(asked, timing.overlapUsable)) return Effect.void
        this.leaving.delete(bucket)
        this.overlapping.set(bucket, right)
        this.around.emit({ _tag: "Overlapping", lease: right.lease, names: notes.map(({ name }) => name) })
        return this.around.goOn(right, () => !this.isLeaving && this.around.owned().has(bucket))
      })
      return Effect.ensuring(
        freed,
        Effect.sync(() => this.freeing.delete(right))
      )
    })
  }

  /** Whether the bucket is free and its names may go on. Where no answer comes, the store says what became of it. */
  private free({ lease }: Right, notes: ReadonlyArray<Note>): Effect.Effect<boolean> {
    const { emit, store, timing } = this.around
    const isOverlap = Effect.map(store.handovers.read(lease.bucket), ({ overlap }) => overlap === lease.epoch)
    return Effect.timeout(store.handovers.begin(lease, notes, timing.overlap), timing.statement).pipe(
      Effect.tapError(() => Effect.sync(() => emit({ _tag: "StoreTrouble", operation: "beginOverlap" }))),
      Effect.catch(() => Effect.retry(Effect.timeout(isOverlap, timing.statement), { times: 2 })),
      Effect.orElseSucceed(() => false)
    )
  }

  /**
   * Claims no more and gives up what it holds, each bucket to the one that asks for it. It waits for that as long as
   * others hold something, which they do while they live, and no longer than `patience`; then closing may take half as
   * long. Completes when nothing is held.
   */
  leave(patience: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.isLeaving = true
      const asked = patience > 0 ? Effect.timeoutOption(this.askedForAll(), patience) : Effect.void
      const rest = Effect.suspend(() => {
        const rights = [...[...this.held.values()].map(({ right }) => right), ...this.moving.keys()]
        return Effect.forEach(rights, (right) => this.handOver(right, undefined), {
          concurrency: "unbounded",
          discard: true
        })
      })
      // A slow store would make every bucket wait for the one before. What it does not hear of ends with its lease.
      const closed = Effect.flatMap(Effect.forkIn(rest, this.scope), (closing) =>
        Effect.timeoutOption(Fiber.join(closing), patience > 0 ? patience / 2 : this.around.timing.usable)
      )
      // Names that go on until the next holder has them have a time of their own.
      const goingOn = Effect.suspend(() => {
        const over = [...this.overlapping.values()]
        this.lose(this.rights().filter((right) => !over.includes(right)))
        return Effect.forEach(over, (right) => this.handOver(right, undefined), {
          concurrency: "unbounded",
          discard: true
        })
      })
      return Effect.andThen(Effect.andThen(asked, closed), goingOn)
    })
  }

  /** Completes when others asked for everything, or when there are no others. */
  private askedForAll(): Effect.Effect<void> {
    const { holder, store, timing } = this.around
    return Effect.gen({ self: this }, function* () {
      let areOthers = true
      while (this.held.size > 0 && areOthers) {
        yield* this.renew()
        yield* this.statement("leases", store.leases.all, (standings) =>
          Effect.sync(() => {
            areOthers = standings.some((standing) => standing.holder !== undefined && standing.holder !== holder)
          })
        )
        if (areOthers) yield* Effect.sleep(timing.askEvery)
      }
    })
  }

  /** One statement at a time releases everything that came in while the one before was on its way. */
  private release(leases: ReadonlyArray<Lease>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.freed.push(...leases)
      const all = Effect.suspend(() => {
        const freed = this.freed
        this.freed = []
        return freed.length === 0
          ? Effect.void
          : this.statement("release", this.around.store.leases.release(freed), () => Effect.void)
      })
      return this.oneRelease.withPermits(1)(all)
    })
  }

  /** A statement that fails or takes too long is an event; the next round asks again. */
  private statement<A>(
    operation: string,
    statement: Effect.Effect<A, unknown>,
    then: (answer: A) => Effect.Effect<void>
  ): Effect.Effect<void> {
    const { emit, timing } = this.around
    return statement.pipe(
      Effect.timeout(timing.statement),
      Effect.matchEffect({
        onFailure: () => Effect.sync(() => emit({ _tag: "StoreTrouble", operation })),
        onSuccess: then
      })
    )
  }
}

/** Again and again, and as soon as there are news. A step that dies is logged and made up for by the next one. */
const every = (millis: () => number, step: Effect.Effect<void>, news: Latch.Latch): Effect.Effect<never> =>
  Effect.andThen(
    // What is heard from now on is for the step after this one.
    Effect.sync(() => news.closeUnsafe()),
    step
  ).pipe(
    Effect.catchDefect((defect) =>
      Effect.logError("A step of the fleet's holder failed; the next one makes up for it.", defect)
    ),
    Effect.andThen(Effect.suspend(() => Effect.timeoutOption(news.await, millis()))),
    Effect.forever
  )
