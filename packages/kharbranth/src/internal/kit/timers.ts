/**
 * Timers that can be moved, all of a clock behind one sleeping fiber: an idle
 * connection keeps entries in a heap, and no fiber. Time and sleep are the
 * Clock's, so virtual time moves them too.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { attempt } from "./guard.ts"
import { Heap } from "./heap.ts"

export interface Owner {
  /** A timer of yours threw. */
  died(defect: unknown): void
}

/** Something that happens at a time. */
export class Timer {
  /** The time it is set to, `Infinity` when it is not. */
  time = Infinity
  /** Its place in the heap, -1 when it is not there. */
  place = -1
  private readonly timers: Timers
  private readonly owner: Owner
  private readonly fire: (now: number) => void

  constructor(timers: Timers, owner: Owner, fire: (now: number) => void) {
    this.timers = timers
    this.owner = owner
    this.fire = fire
  }

  /** Fires at this time, whatever it was set to before. */
  set(time: number): void {
    if (time === this.time) return
    this.time = time
    this.timers.moved(this)
  }

  /** Fires at this time if it was not to fire earlier. */
  atLatest(time: number): void {
    if (time < this.time) this.set(time)
  }

  clear(): void {
    this.set(Infinity)
  }

  /** Rings now if its time has passed: the platform may be late, as it is in a hidden page. */
  look(now: number): void {
    if (now < this.time) return
    this.clear()
    this.ring(now)
  }

  // The fiber that rings is everybody's: what goes wrong here concerns the owner alone.
  ring(now: number): void {
    this.time = Infinity
    attempt(
      () => this.fire(now),
      (defect) => this.owner.died(defect)
    )
  }
}

/** The timers of one clock. */
export class Timers {
  private readonly clock: Clock.Clock
  private readonly run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly heap = new Heap<Timer>()
  private fiber: Fiber.Fiber<void> | undefined
  /** What the fiber sleeps for; `-Infinity` while it rings. */
  private wakesAt = Infinity

  constructor(clock: Clock.Clock, scheduler: Scheduler.Scheduler) {
    this.clock = clock
    this.run = Effect.runForkWith(Context.make(Scheduler.Scheduler, scheduler))
  }

  /** Monotonic milliseconds. */
  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  /** Unix milliseconds. */
  wall(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  moved(timer: Timer): void {
    this.heap.remove(timer)
    if (timer.time !== Infinity) this.heap.add(timer)
    const first = this.heap.first
    if (first === undefined) this.rest()
    // A sleeper that wakes early only finds nothing to do.
    else if (first.time < this.wakesAt) this.sleepUntil(first.time)
  }

  // With nothing set, nothing is left behind: no fiber, and no timer of the platform.
  private rest(): void {
    if (this.wakesAt === -Infinity) return
    const { fiber } = this
    this.fiber = undefined
    this.wakesAt = Infinity
    fiber?.interruptUnsafe()
  }

  private sleepUntil(time: number): void {
    const { fiber } = this
    this.wakesAt = time
    fiber?.interruptUnsafe()
    this.fiber = this.run(this.sleep)
  }

  private readonly sleep: Effect.Effect<void> = Effect.suspend(() => {
    const wait = Math.max(0, this.wakesAt - this.now())
    return Effect.andThen(this.clock.sleep(Duration.millis(wait)), this.wake)
  })

  private readonly wake: Effect.Effect<void> = Effect.suspend(() => {
    // Clocks and durations round: what was slept for has come.
    const now = Math.max(this.now(), this.wakesAt)
    this.wakesAt = -Infinity
    for (const timer of this.due(now)) if (timer.time <= now && timer.place < 0) timer.ring(now)
    const first = this.heap.first
    this.wakesAt = first?.time ?? Infinity
    if (first !== undefined) return this.sleep
    this.fiber = undefined
    return Effect.void
  })

  // Those that are due now, once: a timer that is set to now as it rings waits for the next turn.
  private due(now: number): ReadonlyArray<Timer> {
    const due: Array<Timer> = []
    for (let first = this.heap.first; first !== undefined && first.time <= now; first = this.heap.first) {
      this.heap.remove(first)
      due.push(first)
    }
    return due
  }
}

const known = new WeakMap<Clock.Clock, WeakMap<Scheduler.Scheduler, Timers>>()

/** The timers that connections with this context share. */
export const timersOf = (context: Context.Context<never>): Timers => {
  const clock = Context.get(context, Clock.Clock)
  const scheduler = Context.get(context, Scheduler.Scheduler)
  let ofClock = known.get(clock)
  if (ofClock === undefined) known.set(clock, (ofClock = new WeakMap()))
  let timers = ofClock.get(scheduler)
  if (timers === undefined) ofClock.set(scheduler, (timers = new Timers(clock, scheduler)))
  return timers
}
