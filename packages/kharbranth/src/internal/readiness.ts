/** Waiting for a connection to be usable, and the first use that starts a lazy one. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ConnectionError from "../ConnectionError.ts"
import type { ConnectionState } from "../ConnectionState.ts"
import * as Check from "./options.ts"
import type { Supervisor } from "./supervisor.ts"

type Failure = ConnectionError.ConnectionError
type Any<In, Out> = Supervisor<In, Out>

export const touch = <In, Out>(self: Any<In, Out>): void => {
  if (self.phase._tag === "Idle" && self.phase.reason === "NotStarted") self.dispatch({ _tag: "Start" })
}

export const isOver = (state: ConnectionState): boolean => state._tag === "Disconnected" && state.reason === "Closed"

/** What a wait for readiness ends with in this state, if it ends. */
const verdict = <In, Out>(self: Any<In, Out>, state: ConnectionState): Effect.Effect<void, Failure> | undefined => {
  if (state._tag === "Connected") return Effect.void
  if (state._tag === "Failed") return Effect.fail(state.error)
  return isOver(state) ? Effect.fail(self.notConnected()) : undefined
}

export const awaitReady = <In, Out>(self: Any<In, Out>): Effect.Effect<void, Failure> =>
  self.state.until<void, Failure>((state) => {
    touch(self)
    return verdict(self, state)
  })

/** Waits likewise, but not longer than this. */
export const startUp = <In, Out>(self: Any<In, Out>, after: Duration.Duration): Effect.Effect<void, Failure> =>
  Effect.suspend(() => verdict(self, self.state.getUnsafe()) ?? startingUp(self, after))

const startingUp = <In, Out>(self: Any<In, Out>, after: Duration.Duration): Effect.Effect<void, Failure> =>
  Effect.callback<void, Failure>((resume) => {
    const timer = self.timer(() => resume(Effect.fail(tooLate(self, after))))
    timer.set(self.now() + Check.millis(after))
    const stop = self.state.watch(
      (state) => verdict(self, state),
      (ending) => {
        timer.clear()
        resume(ending)
      }
    )
    return Effect.sync(() => {
      timer.clear()
      stop()
    })
  })

const tooLate = <In, Out>(self: Any<In, Out>, after: Duration.Duration): Failure => {
  const state = self.state.getUnsafe()
  const last = state._tag === "Reconnecting" ? state.cause : undefined
  return new ConnectionError.StartupTimeout({ connection: self.connection, after, last })
}
