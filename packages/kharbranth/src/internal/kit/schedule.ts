/** Steps a Schedule by hand, without sleeping: the caller decides how to wait for a delay. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"

type Step<Input> = (now: number, input: Input) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

export class Stepper<in Input> {
  private readonly schedule: Schedule.Schedule<unknown, Input>
  private step: Step<Input> | undefined

  constructor(schedule: Schedule.Schedule<unknown, Input>) {
    this.schedule = schedule
  }

  /** The next delay in milliseconds, or `undefined` when the schedule is done. `now` is wall time. */
  next(now: number, input: Input): Effect.Effect<number | undefined> {
    const { schedule, step } = this
    const made =
      step === undefined ? Effect.map(Schedule.toStep(schedule), (first) => (this.step = first)) : Effect.succeed(step)
    return Effect.flatMap(made, (run) => run(now, input)).pipe(
      Effect.map(([, delay]): number | undefined => Duration.toMillis(delay)),
      Pull.catchDone(() => Effect.succeed(undefined))
    )
  }
}
