/** What users steer a connection with every day: restart and close. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Connection from "../../../Connection.ts"
import type * as ConnectionError from "../../../ConnectionError.ts"
import * as Checks from "../../options/checks.ts"
import { isOver, verdict } from "./ready.ts"
import type { Supervisor } from "../run/supervisor.ts"

type Failure = ConnectionError.ConnectionError
type Any<In, Out> = Supervisor<In, Out>

export const restart = <In, Out>(
  self: Any<In, Out>,
  options: Connection.RestartOptions = {}
): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const wrong = Checks.restart(self.connection, options)
    if (wrong !== undefined) return Effect.fail(wrong)
    const { mode = "breakFirst", reason = "asked for" } = options
    const before = self.epoch
    let successor: Failure | undefined
    const { leave, stream } = self.reports.events.join(64)
    self.dispatch({ _tag: "Restart", mode, by: "user", reason })
    if (isOver(self.state.getUnsafe()) || self.state.getUnsafe()._tag === "Closing") {
      leave()
      return Effect.fail(self.notConnected())
    }
    const failed = stream.pipe(
      Stream.runForEach((event) => {
        if (event._tag === "SuccessorFailed") successor = event.error
        return successor === undefined ? Effect.void : Effect.fail(successor)
      }),
      Effect.andThen(Effect.never)
    )
    const ready = self.state.until<void, Failure>((state) =>
      state._tag === "Connected" && state.epoch <= before ? undefined : verdict(self, state)
    )
    return Effect.ensuring(Effect.raceFirst(ready, failed), Effect.sync(leave))
  })

const closed = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  self.state.until<void, never>((state) => (isOver(state) ? Effect.void : undefined))

export const close = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.dispatch({ _tag: "Close" })
    return closed(self)
  })

/** The scope ends: close, and leave nothing behind. */
export const shutDown = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.reactNoMore()
    return Effect.andThen(
      Effect.andThen(close(self), self.dismantle()),
      Effect.sync(() => {
        self.inbox.discard()
        self.watcher?.ended?.()
      })
    )
  })
