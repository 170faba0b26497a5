/** Sends whose outcome is told: what is written is kept until it is known what became of it. */
import * as Effect from "effect/Effect"
import type * as ConnectionError from "../../../ConnectionError.ts"
import type { Delivery } from "../../../Delivery.ts"
import type { SendOptions } from "../../../Outbox.ts"
import type { Outbox } from "../../outbox/outbox.ts"
import { expiry, type Fate } from "../../outbox/entry.ts"
import { confirmationList } from "../../outbox/confirmations.ts"
import * as Options from "../../outbox/options.ts"
import { Waiting } from "../../kit/waiting.ts"
import * as Checks from "../../options/checks.ts"
import { touch } from "./ready.ts"
import type { Supervisor } from "../run/supervisor.ts"

type SendError = ConnectionError.SendError

/**
 * Hears for a tracker: first whether the message was accepted, then how it
 * ended. What is dropped while it waits for room was accepted, and dropped.
 */
const tracker = (
  connection: string,
  ttl: number,
  onAccepted: (error: SendError | undefined) => void,
  settle: (delivery: Delivery) => void
): ((fate: Fate) => void) => {
  let isAccepted = false
  return (fate) => {
    if (fate._tag === "Written") return
    if (!isAccepted) {
      if (fate._tag === "Failed") return onAccepted(fate.error)
      if (fate._tag === "Expired") return onAccepted(expiry(connection, ttl))
      isAccepted = true
      onAccepted(undefined)
    }
    if (fate._tag !== "Accepted") settle(fate)
  }
}

/** Takes a message in, and reports what becomes of it. Returns how to withdraw it. */
export const trackIn = <In, Out>(
  outbox: Outbox<In, Out>,
  message: Out,
  options: SendOptions | undefined,
  onAccepted: (error: SendError | undefined) => void,
  settle: (delivery: Delivery) => void
): (() => void) => {
  const { connection } = outbox.options
  const given = outbox.give(message, options, (ttl) => tracker(connection, ttl, onAccepted, settle), confirmationList)
  if (!Options.isEntry(given)) {
    onAccepted(given)
    return Options.nobody
  }
  outbox.conclude()
  // What was accepted has an outcome of its own.
  return () => {
    if (outbox.admission.queue.isSuspended(given)) outbox.withdraw(given)
  }
}

export const track = <In, Out>(
  self: Supervisor<In, Out>,
  message: Out,
  options?: SendOptions
): Effect.Effect<Effect.Effect<Delivery>, SendError> =>
  Effect.callback<Effect.Effect<Delivery>, SendError>((resume) => {
    const wrong = Checks.send(self.connection, options)
    if (wrong !== undefined) return resume(Effect.fail(wrong))
    touch(self)
    let delivery: Delivery | undefined
    const settled = new Waiting()
    const outcome = settled.until(() => (delivery === undefined ? undefined : Effect.succeed(delivery)))
    const withdraw = trackIn(
      self.outbox,
      message,
      options,
      (error) => resume(error === undefined ? Effect.succeed(outcome) : Effect.fail(error)),
      (final) => {
        delivery = final
        self.reports.counters.delivered(final._tag)
        settled.wake()
      }
    )
    return Effect.sync(withdraw)
  })
