/**
 * When the next probe is due: a cadence is a Schedule. One that is no more than
 * an interval is stepped by arithmetic, because ten thousand idle connections
 * would feel an effect for each beat; any other schedule is run.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Stepper } from "../kit/schedule.ts"
import * as Check from "../model/check.ts"
import type { MonitoredSession } from "./monitored.ts"

/** The schedules that are an interval and nothing else. */
const intervals = new WeakMap<Schedule.Schedule<unknown>, Duration.Duration>()

/** A schedule of one interval. */
export const everyInterval = (interval: Duration.Duration): Schedule.Schedule<unknown> => {
  const schedule = Schedule.spaced(interval)
  intervals.set(schedule, interval)
  return schedule
}

export const intervalOf = (schedule: Schedule.Schedule<unknown>): Duration.Duration | undefined =>
  intervals.get(schedule)

export interface Cadence {
  /** Calls `due` with the time of the next probe on the monotonic clock; never, if there is none. */
  next(now: number, due: (time: number) => void): void
}

class Fixed implements Cadence {
  private readonly interval: number
  private last: number

  constructor(interval: number, now: number) {
    this.interval = interval
    this.last = now
  }

  // Beats that were slept through are left out; the others keep their places.
  next(now: number, due: (time: number) => void): void {
    this.last += (Math.floor((now - this.last) / this.interval) + 1) * this.interval
    due(this.last)
  }
}

class Scheduled implements Cadence {
  private readonly stepper: Stepper<unknown>
  private readonly session: MonitoredSession

  constructor(schedule: Schedule.Schedule<unknown>, session: MonitoredSession) {
    this.stepper = new Stepper(schedule)
    this.session = session
  }

  next(_now: number, due: (time: number) => void): void {
    const { session } = this
    session.fork(
      Effect.map(this.stepper.next(session.wall(), undefined), (delay) => {
        if (delay !== undefined) due(session.now() + delay)
      })
    )
  }
}

export const cadenceOf = (schedule: Schedule.Schedule<unknown> | undefined, session: MonitoredSession) => {
  if (schedule === undefined) return undefined
  const interval = intervalOf(schedule)
  return interval === undefined ? new Scheduled(schedule, session) : new Fixed(Check.millis(interval), session.now())
}
