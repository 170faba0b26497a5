/** What users send with: at once where nothing stands in the way, else through the outbox. */
import * as Effect from "effect/Effect"
import type * as ConnectionError from "../../../ConnectionError.ts"
import type { SendOptions } from "../../../Outbox.ts"
import { resultOf } from "../../outbox/entry.ts"
import * as Checks from "../../options/checks.ts"
import { touch } from "./ready.ts"
import type { Supervisor } from "../run/supervisor.ts"

type Any<In, Out> = Supervisor<In, Out>

export const send = <In, Out>(
  self: Any<In, Out>,
  message: Out,
  options?: SendOptions
): Effect.Effect<void, ConnectionError.SendError> =>
  Effect.suspend(() => {
    const wrong = Checks.send(self.connection, options)
    if (wrong !== undefined) return Effect.fail(wrong)
    if (self.reaction?.slowTimers === true) self.recheck()
    const now = self.outbox.sendNow(message, options)
    if (now === true) return Effect.void
    return now === undefined ? offer(self, message, options) : Effect.fail(now)
  })

const offer = <In, Out>(
  self: Any<In, Out>,
  message: Out,
  options?: SendOptions
): Effect.Effect<void, ConnectionError.SendError> =>
  Effect.callback<void, ConnectionError.SendError>((resume) => {
    touch(self)
    self.active?.liveness?.recheck(self.mono())
    const withdraw = self.outbox.offer(message, options, (outcome) => resume(resultOf(outcome)))
    if (typeof withdraw !== "function") return resume(Effect.fail(withdraw))
    return Effect.sync(withdraw)
  })

export const sendAll = <In, Out>(
  self: Any<In, Out>,
  messages: ReadonlyArray<Out>,
  from = 0
): Effect.Effect<void, ConnectionError.SendError> =>
  Effect.suspend(() => {
    if (self.reaction?.slowTimers === true) self.recheck()
    const next = self.outbox.writeAllNow(messages, from)
    if (typeof next !== "number") return Effect.fail(next)
    const message = messages[next]
    if (next >= messages.length) return Effect.void
    return Effect.andThen(offer(self, message as Out), sendAll(self, messages, next + 1))
  })
