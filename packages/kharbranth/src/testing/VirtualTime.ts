/**
 * Virtual time for whole histories: a clock whose sleeps are woken one instant
 * after another as soon as everything that could run has run. It does what
 * `TestClock` does, without being told how far to go, and cheaply enough for
 * thousands of histories, or for days: tasks of fibers are microtasks, so a turn
 * of the real event loop is a settled instant.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Scheduler from "effect/Scheduler"

interface Sleep {
  readonly at: number
  readonly order: number
  wake: (() => void) | undefined
}

const microtask = (f: () => void) => {
  let cancelled = false
  queueMicrotask(() => {
    if (!cancelled) f()
  })
  return () => {
    cancelled = true
  }
}

// 64ths of a millisecond, like the network's own times: sums of them are exact, so nobody wakes a hair too early.
const exact = (millis: number) => Math.ceil(millis * 64) / 64

/** Sleeps in order of time, then of arrival. A sorted array: there are few at any moment. */
class Sleeps {
  private readonly line: Array<Sleep> = []
  private order = 0

  add(at: number, wake: () => void): Sleep {
    const sleep: Sleep = { at, order: this.order++, wake }
    let low = 0
    let high = this.line.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.line[middle]!.at > at) low = middle + 1
      else high = middle
    }
    this.line.splice(low, 0, sleep)
    return sleep
  }

  remove(sleep: Sleep): void {
    const index = this.line.indexOf(sleep)
    if (index >= 0) this.line.splice(index, 1)
  }

  next(): Sleep | undefined {
    return this.line.pop()
  }

  get dueAt(): number | undefined {
    return this.line.at(-1)?.at
  }
}

/**
 * A clock and its sleeps.
 *
 * @category models
 * @since 0.1.0
 */
export interface VirtualTime {
  readonly clock: Clock.Clock
  /** Moves to the next instant for which something sleeps; `false` when nothing does. */
  readonly advance: () => boolean
}

const clockOf = (now: () => number, sleep: Clock.Clock["sleep"]): Clock.Clock => {
  const nanos = () => BigInt(Math.round(now() * 1e6))
  return {
    currentTimeMillisUnsafe: now,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep
  }
}

/**
 * A clock that starts at 0 and moves only when you advance it.
 *
 * @example
 * ```ts
 * import * as VirtualTime from "kharbranth/testing/VirtualTime"
 * import { strictEqual } from "node:assert"
 *
 * // Nothing sleeps yet, so there is no instant to go to.
 * strictEqual(VirtualTime.make().advance(), false)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): VirtualTime => {
  const sleeps = new Sleeps()
  let now = 0
  const sleep = (duration: Duration.Duration) =>
    Effect.callback<void>((resume) => {
      const millis = Duration.toMillis(duration)
      if (millis <= 0) return resume(Effect.void)
      if (millis === Infinity) return
      const own = sleeps.add(exact(now + millis), () => resume(Effect.void))
      return Effect.sync(() => sleeps.remove(own))
    })
  const advance = () => {
    const at = sleeps.dueAt
    if (at === undefined) return false
    now = at
    while (sleeps.dueAt === at) sleeps.next()?.wake?.()
    return true
  }
  return { clock: clockOf(() => now, sleep), advance }
}

/**
 * Options of `run`.
 *
 * @category options
 * @since 0.1.0
 */
export interface RunOptions {
  /** How much virtual time the program may take, in milliseconds. Default: two hours. */
  readonly limit?: number | undefined
}

const twoHours = 7_200_000

/**
 * Runs a program to its end in virtual time. Throws if it takes longer than
 * `limit`, or waits for something that no sleep will bring.
 *
 * @example
 * ```ts
 * import * as Clock from "effect/Clock"
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import * as VirtualTime from "kharbranth/testing/VirtualTime"
 * import { deepStrictEqual } from "node:assert"
 *
 * const exit = await VirtualTime.run(Effect.andThen(Effect.sleep("1 hour"), Clock.currentTimeMillis))
 * deepStrictEqual(exit, Exit.succeed(3_600_000))
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E>(
  program: Effect.Effect<A, E>,
  { limit = twoHours }: RunOptions = {}
): Promise<Exit.Exit<A, E>> => {
  const time = make()
  const scheduler = new Scheduler.MixedScheduler("async", microtask)
  const fiber = Effect.runFork(
    program.pipe(Effect.provideService(Clock.Clock, time.clock), Effect.provideService(Scheduler.Scheduler, scheduler)),
    { scheduler }
  )
  let exit: Exit.Exit<A, E> | undefined
  fiber.addObserver((ended) => {
    exit = ended
  })
  // A turn of the real event loop, in which everything settles. A history may have millions: each costs
  // no fiber, and they make no chain of promises.
  const turns = new Scheduler.MixedScheduler().makeDispatcher()
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      if (exit !== undefined) resolve(exit)
      else if (time.clock.currentTimeMillisUnsafe() > limit)
        reject(new Error(`the program still runs after ${limit} virtual milliseconds`))
      else if (time.advance()) turns.scheduleTask(turn, 0)
      else reject(new Error("the program waits for something that nobody will do"))
    }
    turns.scheduleTask(turn, 0)
  })
}
