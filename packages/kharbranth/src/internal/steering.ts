/** What users steer a connection with: restart, update, drain, close, ping. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as Connection from "../Connection.ts"
import * as ConnectionError from "../ConnectionError.ts"
import * as Check from "./options.ts"
import { isOver } from "./readiness.ts"
import * as Settings from "./settings.ts"
import type { Supervisor } from "./supervisor.ts"

type Failure = ConnectionError.ConnectionError
type Any<In, Out> = Supervisor<In, Out>

export const restart = <In, Out>(
  self: Any<In, Out>,
  options: Connection.RestartOptions = {}
): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const { mode = "breakFirst", reason = "asked for" } = options
    const before = self.epoch
    let successor: Failure | undefined
    const { leave, stream } = self.events.join({ capacity: 64, lossless: false })
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
    const ready = self.state.until<void, Failure>((state) => {
      if (state._tag === "Connected" && state.epoch > before) return Effect.void
      if (state._tag === "Failed") return Effect.fail(state.error)
      return isOver(state) ? Effect.fail(self.notConnected()) : undefined
    })
    return Effect.ensuring(Effect.raceFirst(ready, failed), Effect.sync(leave))
  })

export const update = <In, Out>(
  self: Any<In, Out>,
  change: (policies: Connection.Policies) => Connection.Policies
): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const policies = change(self.policies)
    const checked = Settings.checkPolicies(self.connection, policies, self.transport.capabilities)
    if (Result.isFailure(checked)) return Effect.fail(checked.failure)
    return Effect.sync(() => self.adopt(policies, checked.success))
  })

const closed = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  self.state.until<void, never>((state) => (isOver(state) ? Effect.void : undefined))

export const close = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.dispatch({ _tag: "Close" })
    return closed(self)
  })

export const drain = <In, Out>(self: Any<In, Out>, deadline: Duration.Input = "30 seconds"): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.outbox.drainStarted()
    const empty = Effect.callback<void>((resume) => {
      const cancel = self.outbox.onEmpty(() => resume(Effect.void))
      return Effect.sync(cancel)
    })
    const duration = Check.duration(deadline)
    return Effect.andThen(Effect.timeoutOrElse(empty, { duration, orElse: () => Effect.void }), close(self))
  })

/** The scope ends: close, and leave nothing behind. */
export const shutDown = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.heedNoMore()
    return Effect.andThen(
      Effect.andThen(close(self), self.dismantle()),
      Effect.sync(() => {
        self.inbox.discard()
        self.events.end()
      })
    )
  })

export const ping = <In, Out>(self: Any<In, Out>): Effect.Effect<Duration.Duration, Failure> =>
  Effect.suspend(() => {
    const session = self.live
    if (session === undefined) return Effect.fail(self.notConnected())
    const { connection } = self
    const issue = "no answer; the session ended, the peer is silent, or this heartbeat has no probe"
    return Effect.callback<Duration.Duration, Failure>((resume) => {
      session.rtt((rtt) =>
        resume(
          rtt === undefined
            ? Effect.fail(new ConnectionError.PingFailed({ connection, epoch: session.epoch, issue }))
            : Effect.succeed(Duration.millis(rtt))
        )
      )
    })
  })
