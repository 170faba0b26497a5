/**
 * Sharding: items spread over members. The pure model in `placement.ts` decides
 * which member carries which item; this file opens, watches and replaces members.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Codec from "../../Codec.ts"
import { type ConnectionError, NotConnected } from "../../ConnectionError.ts"
import type { Manager } from "../../ConnectionManager.ts"
import type { Item, Moved, Shards, ShardOptions } from "../../ConnectionPool.ts"
import type { Change } from "../../ManagerEvent.ts"
import type * as Outbox from "../../Outbox.ts"
import { Fanout } from "../kit/fanout.ts"
import { Fibers } from "../kit/fibers.ts"
import { Timer, type Timers, timersOf } from "../kit/timers.ts"
import * as Check from "../model/check.ts"
import * as Parts from "./members.ts"
import { type Move, Placement } from "./placement.ts"
import { Retirement } from "./retirement.ts"

type AnyOptions = ShardOptions<Codec.Codec<unknown, unknown>, string, never>

interface Member {
  readonly line: Parts.Line
  /** Whether it has ever been connected. */
  hasWorked: boolean
}

const longestPause = 60_000

/** Without a pause, members that die before they have worked would be replaced in a tight loop. */
const pauseAfter = (deaths: number): Duration.Duration =>
  Duration.millis(deaths === 0 ? 0 : Math.min(1_000 * 2 ** (deaths - 1), longestPause))

const check = (pool: string, options: AnyOptions) =>
  Check.firstOf([
    Parts.checkName(pool),
    Check.wholeNumber(pool, ["min"], options.min, 0),
    Check.wholeNumber(pool, ["max"], options.max, Math.max(1, options.min ?? 1)),
    Check.wholeNumber(pool, ["maxCount"], options.maxCount, 1),
    options.maxSize === undefined || options.maxSize > 0
      ? undefined
      : Check.invalid(pool, ["maxSize"], "expected more than 0"),
    Check.positiveOrInfinite(pool, ["retireAfter"], options.retireAfter)
  ])

interface PoolOptions {
  readonly manager: Manager
  readonly name: string
  readonly options: AnyOptions
  readonly open: (index: number) => Effect.Effect<Parts.Line, ConnectionError>
  readonly timers: Timers
  readonly fibers: Fibers
}

class Pool {
  readonly name: string
  readonly members = new Map<string, Member>()
  readonly placement: Placement
  private readonly manager: Manager
  private readonly options: AnyOptions
  private readonly open: PoolOptions["open"]
  private readonly timers: Timers
  private readonly retirement: Retirement
  /** Set to the time when the next member is to retire. */
  private readonly retireTimer: Timer
  private readonly oneAtATime = Semaphore.makeUnsafe(1)
  private opened = 0
  /** How many members in a row have died before they had worked. */
  private earlyDeaths = 0
  private isOpening = false
  private over = false
  private readonly moves = new Fanout<Moved<unknown, unknown>>()

  constructor({ fibers, manager, name, open, options, timers }: PoolOptions) {
    this.manager = manager
    this.name = name
    this.options = options
    this.open = open
    this.timers = timers
    this.placement = new Placement({ count: options.maxCount ?? Infinity, size: options.maxSize ?? Infinity })
    this.retirement = new Retirement({ min: this.min, after: Check.millisOr(options.retireAfter, "10 seconds") })
    this.retireTimer = new Timer(timers, fibers, () => void fibers.fork(this.retire))
  }

  private get min(): number {
    return this.options.min ?? 1
  }

  private get max(): number {
    return this.options.max ?? 16
  }

  /** One change of members or placement at a time; after each, another member may be the next to retire. */
  private change<A, E>(change: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const done = Effect.ensuring(
      change,
      Effect.sync(() => this.armRetirement())
    )
    return this.oneAtATime.withPermits(1)(done)
  }

  /** Opens one more member. Its index is spent even when that fails: names are not reused. */
  private readonly openMember: Effect.Effect<void, ConnectionError> = Effect.uninterruptible(
    Effect.suspend(() => Effect.flatMap(this.open(this.opened++), (line) => this.joined(line)))
  )

  private joined(line: Parts.Line): Effect.Effect<void> {
    return Effect.sync(() => {
      this.members.set(line.name, { line, hasWorked: false })
      this.publishMoves(this.placement.add(line.name))
    })
  }

  readonly start: Effect.Effect<void, ConnectionError> = Effect.suspend(() =>
    Effect.forEach(Array.from({ length: this.min }), () => this.openMember, { discard: true })
  )

  place(item: Item): Effect.Effect<Parts.Line, Parts.PoolFull | ConnectionError> {
    const full = Effect.suspend(() => Effect.fail(new Parts.PoolFull({ pool: this.name, item: item.id })))
    const settle: Effect.Effect<Parts.Line, Parts.PoolFull | ConnectionError> = Effect.suspend(() => {
      const line = this.lineOf(item.id)
      if (line !== undefined) return Effect.succeed(line)
      return this.members.size < this.max ? Effect.andThen(this.openMember, settle) : full
    })
    const asked = Effect.suspend(() => {
      if (this.over) return Effect.fail(new NotConnected({ connection: this.name, state: "Closed" }))
      const known = this.placement.has(item.id)
      if (!known && !this.placement.fits(item.size ?? 0)) return full
      this.placement.place(item.id, item.size ?? 0)
      return known ? settle : Effect.onError(settle, () => this.forget(item.id))
    })
    return this.change(asked)
  }

  release(id: string): Effect.Effect<void> {
    return this.change(this.forget(id))
  }

  private forget(id: string): Effect.Effect<void> {
    return Effect.sync(() => this.publishMoves(this.placement.release(id)))
  }

  lineOf(id: string): Parts.Line | undefined {
    const name = this.placement.memberOf(id)
    return name === undefined ? undefined : this.members.get(name)?.line
  }

  /** A member's state changed; `undefined`: it is closed. */
  readonly changed = ({ name, state }: Change): Effect.Effect<void, never, Scope.Scope> =>
    Effect.suspend(() => {
      const member = this.members.get(name)
      if (member === undefined) return Effect.void
      if (state?._tag === "Connected") {
        member.hasWorked = true
        this.earlyDeaths = 0
      }
      const isDead = state === undefined || state._tag === "Failed" || !this.manager.has(name)
      return isDead ? Effect.andThen(this.remove(name, member), this.openMissing) : Effect.void
    })

  private remove(name: string, member: Member): Effect.Effect<void> {
    const removed = Effect.sync(() => {
      if (this.members.delete(name) && !member.hasWorked) this.earlyDeaths++
      this.publishMoves(this.placement.remove(name))
    })
    return Effect.andThen(this.change(removed), this.manager.close(name))
  }

  // ------------------------------------------------------- retirement

  private armRetirement(): void {
    const isEmpty = (name: string) => this.placement.loadOf(name).count === 0
    this.retirement.note(this.members.keys(), isEmpty, this.timers.now())
    this.retireTimer.set(this.over ? Infinity : this.retirement.nextAt)
  }

  /** Closes members that have been empty for long enough. An item that came first keeps its member. */
  private readonly retire: Effect.Effect<void> = Effect.suspend(() => {
    const removed = Effect.sync(() => {
      const names = this.retirement.due(this.timers.now())
      for (const name of names) {
        this.members.delete(name)
        this.placement.remove(name)
      }
      return names
    })
    return Effect.flatMap(this.change(removed), (names) => this.closeMembers(names))
  })

  // ------------------------------------------------------ replacement

  /** Whether there are fewer members than `min`, or items wait and another member may be opened. */
  private get needsMember(): boolean {
    const { size } = this.members
    return size < this.min || (this.placement.waitingCount > 0 && size < this.max)
  }

  /** Opens members while they are needed; in the background, because it may have to wait. */
  private readonly openMissing: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() => {
    if (this.isOpening || !this.needsMember) return Effect.void
    this.isOpening = true
    const once = Effect.suspend(() => (this.needsMember ? this.openMember : Effect.void))
    const round = Effect.andThen(
      Effect.suspend(() => Effect.sleep(pauseAfter(this.earlyDeaths))),
      Effect.exit(this.change(once))
    )
    const all: Effect.Effect<void> = Effect.flatMap(round, (exit) => {
      // Refused options would be refused again at once; the next death tries again.
      if (Exit.isFailure(exit) || !this.needsMember) {
        this.isOpening = false
        return Effect.void
      }
      return all
    })
    return Effect.asVoid(Effect.forkScoped(all))
  })

  private publishMoves(moves: ReadonlyArray<Move>): void {
    const groups = new Map<string, { readonly move: Move; readonly items: Array<string> }>()
    for (const move of moves) {
      const id = JSON.stringify([move.from ?? null, move.to ?? null])
      const group = groups.get(id) ?? { move, items: [] }
      group.items.push(move.item)
      groups.set(id, group)
    }
    this.moves.publish(
      Array.from(groups.values(), ({ items, move: { from, to } }) => ({
        items,
        from,
        to: to === undefined ? undefined : this.members.get(to)?.line
      }))
    )
  }

  /** A slow observer loses nothing, and the pool does not wait for it. */
  readonly moved: Stream.Stream<Moved<unknown, unknown>> = this.moves.stream(Infinity)

  /** From now on no item is placed. */
  close(): void {
    this.over = true
    this.retireTimer.clear()
    this.moves.end()
  }

  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.close()
    return this.closeMembers([...this.members.keys()])
  })

  private closeMembers(names: ReadonlyArray<string>): Effect.Effect<void> {
    return Effect.forEach(names, (name) => this.manager.close(name), { concurrency: "unbounded", discard: true })
  }
}

const shardsOf = (manager: Manager, pool: Pool, over: Deferred.Deferred<void>): Shards<unknown, unknown> => ({
  name: pool.name,
  place: (item) => pool.place(item),
  release: (id) => pool.release(id),
  find: (id) => pool.lineOf(id),
  send: (id, message, options?: Outbox.SendOptions) =>
    Effect.suspend(() => {
      const line = pool.lineOf(id)
      return line === undefined
        ? Effect.fail(new NotConnected({ connection: pool.name, state: "no member carries the item" }))
        : line.send(message, options)
    }),
  members: Effect.sync(() =>
    [...pool.members.values()].map(({ line: { name, state } }) => {
      const { count, size } = pool.placement.loadOf(name)
      return { name, stateTag: state.getUnsafe()._tag, count, size }
    })
  ),
  moves: pool.moved,
  waiting: Effect.sync(() => pool.placement.waitingCount),
  messages: Stream.interruptWhen(manager.messages({ tag: Parts.tagOf(pool.name) }), Deferred.await(over))
})

const build = Effect.fnUntraced(function* <R>(manager: Manager, name: string, options: AnyOptions) {
  const problem = check(name, options)
  if (problem !== undefined) return yield* problem
  const context = yield* Effect.context<R>()
  const open = Parts.opener(manager, name, context, options.member)
  const fibers = new Fibers(name, context)
  const pool = new Pool({ manager, name, options, open, timers: timersOf(context), fibers })
  yield* Effect.addFinalizer(() => fibers.end())
  const over = yield* Deferred.make<void>()
  yield* Effect.addFinalizer(() => Effect.andThen(Deferred.succeed(over, undefined), pool.end))
  // The changes end with the manager, and the pool with them.
  const following = Effect.andThen(
    Stream.runForEach(manager.changes, pool.changed),
    Effect.sync(() => pool.close())
  )
  const { onMoved = () => Effect.void } = options
  const reporting = Stream.runForEach(pool.moved, (moved) => Effect.ignoreCause(Effect.suspend(() => onMoved(moved))))
  yield* Effect.forkScoped(reporting, { startImmediately: true })
  // Follows before there are members: one may die before any other fiber has a turn.
  yield* Effect.forkScoped(following, { startImmediately: true })
  yield* pool.start
  return shardsOf(manager, pool, over)
})

export const make = <In, Out, R>(
  manager: Manager,
  name: string,
  options: unknown
): Effect.Effect<Shards<In, Out>, ConnectionError, R | Scope.Scope> =>
  build<R>(manager, name, options as AnyOptions) as Effect.Effect<Shards<In, Out>, ConnectionError, R | Scope.Scope>
