/** Asks a reconnect schedule for the next delay: one step function for each outage. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { ConnectionError } from "../../../ConnectionError.ts"
import type { Reconnect } from "../../../Reconnect.ts"
import type { Input } from "../../lifecycle/model.ts"

type Step = (now: number, input: ConnectionError) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

interface Owner {
  wall(): number
  fork(effect: Effect.Effect<void>): Fiber.Fiber<void>
  dispatch(input: Input): void
}

export class Retries {
  private readonly owner: Owner
  private step: Step | undefined
  private question = 0

  constructor(owner: Owner) {
    this.owner = owner
  }

  /** What was asked is not to be answered any more. */
  withdraw(): void {
    this.question++
  }

  ask({ schedule }: Reconnect, error: ConnectionError, fresh: boolean): void {
    const question = ++this.question
    const answer = (input: Input) =>
      Effect.sync(() => {
        if (question === this.question) this.owner.dispatch(input)
      })
    const made = this.step
    const step =
      fresh || made === undefined
        ? Effect.map(Schedule.toStep(schedule), (next) => (this.step = next))
        : Effect.succeed(made)
    this.owner.fork(
      step.pipe(
        Effect.flatMap((next) => next(this.owner.wall(), error)),
        Effect.flatMap(([, delay]) => answer({ _tag: "Stepped", delay: Duration.toMillis(delay) })),
        Pull.catchDone(() => answer({ _tag: "Exhausted" }))
      )
    )
  }
}
