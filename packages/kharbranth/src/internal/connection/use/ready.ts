/** Waiting for a connection to be usable, and the first use that starts a lazy one. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ConnectionError from "../../../ConnectionError.ts"
import type { ConnectionState } from "../../../ConnectionState.ts"
import * as Check from "../../model/check.ts"
import { nextAttempt } from "../run/log.ts"
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

/** The longer the wait, the rarer its lines: after 5, 15, 35, … seconds. */
const firstLine = 5_000

/** Waits, but not longer than this; then gives what it was told to give. The log says what it waits for. */
export const startUp = <In, Out, A>(
  self: Any<In, Out>,
  after: Duration.Duration,
  value: A
): Effect.Effect<A, Failure> =>
  Effect.callback<A, Failure>((resume) => {
    const start = self.mono()
    let pause = firstLine
    const line = self.timer((now) => {
      self.reports.log.write(["Info", waitingFor(self, now - start)])
      line.set(now + (pause *= 2))
    })
    const limit = self.timer(() => settle(Effect.fail(tooLate(self, after))))
    line.set(start + pause)
    limit.set(start + Check.millis(after))
    const rest = () => {
      line.clear()
      limit.clear()
      stop()
    }
    let stop = nothing
    const settle = (outcome: Effect.Effect<A, Failure>) => {
      rest()
      resume(outcome)
    }
    stop = whenDecided(self, (exit) => settle(Exit.map(exit, () => value)))
    return Effect.sync(rest)
  })

const waitingFor = <In, Out>(self: Any<In, Out>, waited: number): string => {
  const last = self.lastCause === undefined ? "" : ` Last error: ${self.lastCause.message}`
  return `not ready after ${Math.round(waited / 1_000)}s: ${underWay(self)}.${last}`
}

const underWay = <In, Out>(self: Any<In, Out>): string => {
  const state = self.state.getUnsafe()
  switch (state._tag) {
    case "Reconnecting":
      return nextAttempt(state.attempt, state.nextRetryAt - self.wall())
    case "Connecting":
      return `attempt ${state.attempt} is in phase ${self.sessions.at(-1)?.phase ?? "permit"}`
    default:
      return `it is ${self.stateName()}`
  }
}

const tooLate = <In, Out>(self: Any<In, Out>, after: Duration.Duration): Failure =>
  new ConnectionError.StartupTimeout({ connection: self.connection, after, last: self.lastCause })
