/**
 * When the next probe is due. A fixed interval is arithmetic; only a schedule
 * of the user's making is an effect that must be run.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { Heartbeat } from "../../Heartbeat.ts"
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

type Step = (now: number, input: unknown) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

class Scheduled implements Cadence {
  private readonly schedule: Schedule.Schedule<unknown>
  private readonly patient: Patient
  private step: Step | undefined

  constructor(schedule: Schedule.Schedule<unknown>, patient: Patient) {
    this.schedule = schedule
    this.patient = patient
  }

  next(_now: number, tell: (time: number) => void): void {
    const step =
      this.step === undefined
        ? Effect.map(Schedule.toStep(this.schedule), (made) => (this.step = made))
        : Effect.succeed(this.step)
    this.patient.fork(
      Effect.flatMap(step, (step) => step(this.patient.wall(), undefined)).pipe(
        Effect.map(([, delay]) => tell(this.patient.now() + Check.millis(delay))),
        Pull.catchDone(() => Effect.void)
      )
    )
  }
}

export const cadenceOf = ({ every, keepalive }: Heartbeat, patient: Patient): Cadence | undefined => {
  if (every !== undefined) return new Fixed(Check.millis(every), patient.now())
  return keepalive === undefined ? undefined : new Scheduled(keepalive, patient)
}
