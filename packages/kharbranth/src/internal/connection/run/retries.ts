/** Asks a reconnect schedule for the next delay: one run of the schedule for each outage. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { ConnectionError } from "../../../ConnectionError.ts"
import type { Reconnect } from "../../../Reconnect.ts"
import { Stepper } from "../../kit/schedule.ts"
import type { Input } from "../../lifecycle/model.ts"

interface Owner {
  wall(): number
  fork(effect: Effect.Effect<void>): Fiber.Fiber<void>
  dispatch(input: Input): void
}

export class Retries {
  private readonly owner: Owner
  private stepper: Stepper<ConnectionError> | undefined
  private question = 0

  constructor(owner: Owner) {
    this.owner = owner
  }

  /** The answer to the last question is not wanted any more. */
  withdraw(): void {
    this.question++
  }

  /** Answers with an input, later. `fresh` begins a new run of the schedule. */
  ask({ schedule }: Reconnect, error: ConnectionError, fresh: boolean): void {
    const { owner } = this
    const question = ++this.question
    if (fresh || this.stepper === undefined) this.stepper = new Stepper(schedule)
    owner.fork(
      Effect.map(this.stepper.next(owner.wall(), error), (delay) => {
        if (question !== this.question) return
        owner.dispatch(delay === undefined ? { _tag: "Exhausted" } : { _tag: "Stepped", delay })
      })
    )
  }
}
