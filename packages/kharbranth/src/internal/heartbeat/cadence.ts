/**
 * When the next probe is due. A fixed interval is arithmetic; only a schedule
 * of the user's making is an effect that must be run.
 */
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type { Heartbeat } from "../../Heartbeat.ts"
import { Stepper } from "../kit/schedule.ts"
import * as Check from "../model/check.ts"
import type { Patient } from "./patient.ts"

export interface Cadence {
  /** Tells when the probe after the present one is due, on the monotonic clock; never, if there is none. */
  next(now: number, tell: (time: number) => void): void
}

class Fixed implements Cadence {
  private readonly interval: number
  private last: number

  constructor(interval: number, now: number) {
    this.interval = interval
    this.last = now
  }

  // Beats that were slept through are left out; the others keep their places.
  next(now: number, tell: (time: number) => void): void {
    this.last += (Math.floor((now - this.last) / this.interval) + 1) * this.interval
    tell(this.last)
  }
}

class Scheduled implements Cadence {
  private readonly stepper: Stepper<unknown>
  private readonly patient: Patient

  constructor(schedule: Schedule.Schedule<unknown>, patient: Patient) {
    this.stepper = new Stepper(schedule)
    this.patient = patient
  }

  next(_now: number, tell: (time: number) => void): void {
    const { patient } = this
    patient.fork(
      Effect.map(this.stepper.next(patient.wall(), undefined), (delay) => {
        if (delay !== undefined) tell(patient.now() + delay)
      })
    )
  }
}

export const cadenceOf = ({ every, keepalive }: Heartbeat, patient: Patient): Cadence | undefined => {
  if (every !== undefined) return new Fixed(Check.millis(every), patient.now())
  return keepalive === undefined ? undefined : new Scheduled(keepalive, patient)
}
