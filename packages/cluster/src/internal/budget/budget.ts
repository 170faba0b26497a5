/**
 * The dials of the whole fleet. Permits come from the store in blocks, each with a
 * time by which it must be used: a block counts whether its process lives or dies,
 * so no window ever sees more dials than the limit.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type { ManagedDial } from "kharbranth/ConnectionManager"
import * as DialBudget from "kharbranth/DialBudget"
import { InvalidFleet } from "../../FleetError.ts"
import type { FleetEvent } from "../../FleetEvent.ts"
import type { FleetStore, Notice } from "../../FleetStore.ts"

interface Block {
  readonly id: string
  /** Until when a permit may be used, by this process's monotonic clock. */
  readonly usableUntil: bigint
  left: number
  /** Dials that are not over. */
  dialing: number
}

interface Lane {
  readonly limit: number
  readonly window: number
  /** One question to the store at a time. */
  readonly turn: Semaphore.Semaphore
  waiting: number
  /** When the store was asked last, by this process's monotonic clock. */
  askedAt: bigint
  block: Block | undefined
  /** Until when this process dials nothing of the key, by its monotonic clock, whatever permits it has. */
  heldUntil: bigint
  /** Whether dials of the key failed in a row, as far as this process knows: then one that works is told. */
  isFailing: boolean
}

export interface Surroundings {
  readonly permits: FleetStore["Service"]["permits"]
  readonly clock: Clock.Clock
  readonly limits: Readonly<Record<string, DialBudget.Limit>>
  readonly emit: (event: FleetEvent) => void
  /** The deadline of one statement. */
  readonly statement: number
}

const usable = 1_000
// How long after its permit a dial can reach its server: the dial's deadline, and a tenth for clocks that differ.
const dialing = 10_000
const within = 1.1 * (usable + dialing)
// A wait is looked at again, because permits may be given back.
const longestWait = 1_000
// Dials that come one by one share a question, however fast the store answers.
const apart = 100
const busy = 5_000
const longestHold = 60_000

/** As the breaker of one process, but over all. */
const breaker = { failures: 5, cooldown: 1_000, maxCooldown: 30_000 }

const check = (limits: Surroundings["limits"]): InvalidFleet | undefined => {
  for (const [key, { limit, window }] of Object.entries(limits)) {
    const path = ["budget", "fleet", key]
    const millis = Option.map(Duration.fromInput(window), Duration.toMillis)
    if (!(Number.isInteger(limit) && limit >= 1))
      return new InvalidFleet({ path: [...path, "limit"], issue: "expected a whole number of at least 1" })
    if (Option.isNone(millis) || !(millis.value > 0 && millis.value < Infinity))
      return new InvalidFleet({ path: [...path, "window"], issue: "expected a duration above zero" })
  }
  return undefined
}

export class Budget {
  private readonly around: Surroundings
  private readonly lanes = new Map<string, Lane>()

  private constructor(around: Surroundings) {
    this.around = around
    for (const [key, { limit, window }] of Object.entries(around.limits)) {
      this.lanes.set(key, {
        limit,
        window: Duration.toMillis(Duration.fromInputUnsafe(window)),
        turn: Semaphore.makeUnsafe(1),
        waiting: 0,
        askedAt: -nanosOf(apart),
        block: undefined,
        heldUntil: 0n,
        isFailing: false
      })
    }
  }

  static make(around: Surroundings): Effect.Effect<Budget, InvalidFleet> {
    return Effect.suspend(() => {
      const problem = check(around.limits)
      return problem === undefined ? Effect.succeed(new Budget(around)) : Effect.fail(problem)
    })
  }

  /** The store says that a key is held: what is left of the block goes back, and the next question says for how long. */
  readonly heard = (notice: Notice): Effect.Effect<void> => {
    const lane = notice._tag === "Held" ? this.lanes.get(notice.key) : undefined
    return lane === undefined ? Effect.void : Effect.suspend(() => this.replace(lane, undefined))
  }

  /** The manager's `permit`: waits until every key with a limit lets the dial go. */
  readonly permit = (dial: ManagedDial): Effect.Effect<void, ConnectionError, Scope.Scope> =>
    Effect.suspend(() => {
      const lanes = dial.keys.flatMap((key) => {
        const lane = this.lanes.get(key)
        return lane === undefined ? [] : [[key, lane] as const]
      })
      if (lanes.length === 0) return Effect.void
      const all = (step: (key: string, lane: Lane) => Effect.Effect<void, never, Scope.Scope>) =>
        Effect.forEach(lanes, ([key, lane]) => step(key, lane), { discard: true })
      const held = isTooBusy(dial.cause) ? all((key, lane) => this.hold(key, lane, busy)) : Effect.void
      return Effect.andThen(
        held,
        all((key, lane) => this.pass(key, lane))
      )
    })

  private pass(key: string, lane: Lane): Effect.Effect<void, never, Scope.Scope> {
    const taken = Effect.suspend(() => {
      const block = this.use(lane)
      if (block === undefined) return Effect.succeed(false)
      return Effect.as(
        Effect.addFinalizer((exit) => this.over(key, lane, block, exit)),
        true
      )
    })
    return Effect.flatMap(Effect.uninterruptible(taken), (passes) =>
      passes ? Effect.void : Effect.andThen(this.more(key, lane), this.pass(key, lane))
    )
  }

  private now(): bigint {
    return this.around.clock.monotonicTimeNanosUnsafe()
  }

  private isUsable({ left, usableUntil }: Block): boolean {
    return left > 0 && this.now() < usableUntil
  }

  private use({ block, heldUntil }: Lane): Block | undefined {
    if (block === undefined || !this.isUsable(block) || this.now() < heldUntil) return undefined
    block.left--
    block.dialing++
    return block
  }

  /** Gets another block, or waits a little. */
  private more(key: string, lane: Lane): Effect.Effect<void> {
    const ask = Effect.suspend(() => {
      const held = lane.heldUntil - this.now()
      if (held > 0n) return Effect.sleep(Math.min(millisOf(held), longestWait))
      // Another dial may have fetched one in between.
      if (lane.block !== undefined && this.isUsable(lane.block)) return Effect.void
      const { limit, window } = lane
      const most = Math.max(1, Math.floor(limit / 10))
      const want = Math.min(most, lane.waiting)
      const asked = this.now()
      const early = lane.askedAt + nanosOf(apart) - asked
      if (early > 0n && want < most) return Effect.sleep(millisOf(early))
      lane.askedAt = asked
      const old = this.replace(lane, undefined)
      const taking = this.around.permits.take({ key, limit, window, want, within })
      return Effect.andThen(
        old,
        Effect.matchEffect(Effect.timeout(taking, this.around.statement), {
          onFailure: () => Effect.andThen(this.trouble("take"), Effect.sleep(longestWait)),
          onSuccess: (answer) => {
            if (answer._tag === "Wait") return Effect.sleep(Math.max(1, Math.min(answer.millis, longestWait)))
            const usableUntil = asked + nanosOf(usable)
            lane.isFailing = answer.failures > 0
            lane.block = { id: answer.id, usableUntil, left: answer.permits, dialing: 0 }
            return Effect.void
          }
        })
      )
    })
    return Effect.suspend(() => {
      lane.waiting++
      return Effect.ensuring(
        lane.turn.withPermits(1)(ask),
        Effect.sync(() => void lane.waiting--)
      )
    })
  }

  /** A block leaves its lane; it is settled as soon as none of its dials is under way. */
  private replace(lane: Lane, next: Block | undefined): Effect.Effect<void> {
    const old = lane.block
    lane.block = next
    return old === undefined ? Effect.void : this.settle(old)
  }

  private settle({ dialing: under, id, left }: Block): Effect.Effect<void> {
    if (under > 0) return Effect.void
    return this.told("settle", this.around.permits.settle(id, left))
  }

  /** A dial is over, and the server has seen it. */
  private over(key: string, lane: Lane, block: Block, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      block.dialing--
      if (lane.block === block && !this.isUsable(block)) lane.block = undefined
      const settled = lane.block === block ? Effect.void : this.settle(block)
      return Effect.andThen(settled, this.learn(key, lane, exit))
    })
  }

  private learn(key: string, lane: Lane, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    const verdict = DialBudget.verdictOf(exit)
    switch (verdict._tag) {
      case "Busy":
        return this.hold(key, lane, Math.min(verdict.wait ?? busy, longestHold))
      case "Failure":
        return this.failed(key, lane)
      case "Success":
        // Unless one failed before, nobody needs to know.
        return lane.isFailing ? this.worked(key, lane) : Effect.void
      case "Neutral":
        return Effect.void
    }
  }

  private failed(key: string, lane: Lane): Effect.Effect<void> {
    lane.isFailing = true
    const counted = Effect.flatMap(this.around.permits.failed(key, breaker), (millis) =>
      Effect.suspend(() => {
        if (millis === 0) return Effect.void
        this.around.emit({ _tag: "BreakerOpened", key, millis })
        return this.rest(lane, millis)
      })
    )
    return this.told("failed", counted)
  }

  private worked(key: string, lane: Lane): Effect.Effect<void> {
    lane.isFailing = false
    const told = Effect.map(this.around.permits.worked(key), (wasOpen) => {
      if (wasOpen) this.around.emit({ _tag: "BreakerClosed", key })
    })
    return this.told("worked", told)
  }

  /** Nobody dials this key for a while. This process rests before the others hear of it. */
  private hold(key: string, lane: Lane, millis: number): Effect.Effect<void> {
    const rest = this.rest(lane, millis)
    return Effect.andThen(this.told("hold", this.around.permits.hold(key, millis)), rest)
  }

  /** This process dials nothing of the lane for so long; gives back what is left of its block, which would go on dialing. */
  private rest(lane: Lane, millis: number): Effect.Effect<void> {
    const until = this.now() + nanosOf(millis)
    if (until > lane.heldUntil) lane.heldUntil = until
    return this.replace(lane, undefined)
  }

  /** What the store is only told: a block that it does not hear of counts for its whole time. */
  private told(operation: string, statement: Effect.Effect<void, unknown>): Effect.Effect<void> {
    return Effect.catch(Effect.timeout(statement, this.around.statement), () => this.trouble(operation))
  }

  private trouble(operation: string): Effect.Effect<void> {
    return Effect.sync(() => this.around.emit({ _tag: "StoreTrouble", operation }))
  }
}

const nanosOf = (millis: number): bigint => BigInt(Math.ceil(millis * 1e6))

const millisOf = (nanos: bigint): number => Math.ceil(Number(nanos) / 1e6)

const tryAgainLater = 1013

const isTooBusy = (error: ConnectionError | undefined): boolean =>
  error?._tag === "ConnectionClosed" && error.code === tryAgainLater
