/** Waiting for a connection to be usable, and the first use that starts a lazy one. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ConnectionError from "../../../ConnectionError.ts"
import type { ConnectionState } from "../../../ConnectionState.ts"
import * as Check from "../../model/check.ts"
import type { Supervisor } from "../run/supervisor.ts"

type Failure = ConnectionError.ConnectionError
type Any<In, Out> = Supervisor<In, Out>

export const touch = <In, Out>(self: Any<In, Out>): void => {
  if (self.phase._tag === "Idle" && self.phase.reason === "NotStarted") self.dispatch({ _tag: "Start" })
}

export const isOver = (state: ConnectionState): boolean => state._tag === "Disconnected" && state.reason === "Closed"

/** What a wait for readiness ends with in this state, if it ends. */
export const verdict = <In, Out>(self: Any<In, Out>, state: ConnectionState): Exit.Exit<void, Failure> | undefined => {
  if (state._tag === "Connected") return Exit.void
  if (state._tag === "Failed") return Exit.fail(state.error)
  return isOver(state) ? Exit.fail(self.notConnected()) : undefined
}

/** Tells the verdict, now or later; returns how to stop waiting. */
const whenDecided = <In, Out>(self: Any<In, Out>, tell: (exit: Exit.Exit<void, Failure>) => void): (() => void) => {
  const already = verdict(self, self.state.getUnsafe())
  if (already === undefined) return self.state.watch((state) => verdict(self, state), tell)
  tell(already)
  return nothing
}

const nothing = (): void => {}

export const awaitReady = <In, Out>(self: Any<In, Out>): Effect.Effect<void, Failure> =>
  self.state.until<void, Failure>((state) => {
    touch(self)
    return verdict(self, state)
  })

/** Waits for them all; the first that gives up fails it. */
export const allReady = (connections: ReadonlyArray<Any<unknown, never>>): Effect.Effect<void, Failure> =>
  Effect.callback<void, Failure>((resume) => {
    let waiting = connections.length
    if (waiting === 0) return resume(Effect.void)
    const stops: Array<() => void> = []
    const stop = () => stops.forEach((stop) => stop())
    const tell = (exit: Exit.Exit<void, Failure>) => {
      if (Exit.isSuccess(exit) && --waiting > 0) return
      stop()
      resume(exit)
    }
    for (const self of connections) {
      touch(self)
      stops.push(whenDecided(self, tell))
    }
    return Effect.sync(stop)
  })

/** Waits, but not longer than this; then gives what it was told to give. */
export const startUp = <In, Out, A>(
  self: Any<In, Out>,
  after: Duration.Duration,
  value: A
): Effect.Effect<A, Failure> =>
  Effect.callback<A, Failure>((resume) => {
    const timer = self.timer(() => resume(Effect.fail(tooLate(self, after))))
    timer.set(self.mono() + Check.millis(after))
    const stop = whenDecided(self, (exit) => {
      timer.clear()
      resume(Exit.map(exit, () => value))
    })
    return Effect.sync(() => {
      timer.clear()
      stop()
    })
  })

const tooLate = <In, Out>(self: Any<In, Out>, after: Duration.Duration): Failure =>
  new ConnectionError.StartupTimeout({ connection: self.connection, after, last: self.lastCause })
