/**
 * Virtual time for whole histories: a clock whose sleeps are woken one instant
 * after another as soon as everything that could run has run. It does what
 * `TestClock` does, without being told how far to go, and cheaply enough for
 * thousands of histories: tasks of fibers are microtasks, so a turn of the real
 * event loop is a settled instant.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
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

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

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

/** A clock and its sleeps. */
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

const twoHours = 7_200_000

/** Runs a program to its end in virtual time, of which it may take so many milliseconds. */
export const run = async <A, E>(program: Effect.Effect<A, E>, limit = twoHours): Promise<Exit.Exit<A, E>> => {
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
  while (true) {
    await settled()
    if (exit !== undefined) return exit
    if (time.clock.currentTimeMillisUnsafe() > limit)
      throw new Error(`the program still runs after ${limit} virtual milliseconds`)
    if (!time.advance()) throw new Error("the program waits for something that nobody will do")
  }
}

/** Counts what a part of the program has running: fibers and sleeps. */
export interface Census {
  readonly fibers: () => number
  readonly sleeps: () => number
  /** Runs an effect, and all fibers that it forks, under this count. */
  readonly count: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const census = (clock: Clock.Clock): Census => {
  let fibers = 0
  let sleeps = 0
  const counted: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
    sleep: (duration: Duration.Duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          sleeps++
        }),
        () => clock.sleep(duration),
        () =>
          Effect.sync(() => {
            sleeps--
          })
      )
  })
  const register: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      fibers++
    },
    recordFiberEnd: () => {
      fibers--
    }
  }
  return {
    fibers: () => fibers,
    sleeps: () => sleeps,
    count: (effect) =>
      effect.pipe(
        Effect.provideService(Clock.Clock, counted),
        Effect.provideService(Metric.FiberRuntimeMetrics, register)
      )
  }
}
