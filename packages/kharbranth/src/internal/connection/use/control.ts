/** What is done to a connection now and then: update, drain, ping. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Connection from "../../../Connection.ts"
import * as ConnectionError from "../../../ConnectionError.ts"
import * as Check from "../../model/check.ts"
import type { Outbox } from "../../outbox/outbox.ts"
import * as Settings from "../run/settings.ts"
import { close } from "./steer.ts"
import type { Supervisor } from "../run/supervisor.ts"
import { Waiting } from "../../kit/waiting.ts"
import * as Checks from "../../options/checks.ts"

type Failure = ConnectionError.ConnectionError
type Any<In, Out> = Supervisor<In, Out>

export const update = <In, Out>(
  self: Any<In, Out>,
  change: (policies: Connection.Policies) => Connection.Policies
): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const policies = change(self.policies)
    const wrong = Checks.policies(self.connection, policies)
    if (wrong !== undefined) return Effect.fail(wrong)
    const checked = Settings.checkPolicies(self.connection, policies, self.transport.capabilities)
    if (Result.isFailure(checked)) return Effect.fail(checked.failure)
    return Effect.sync(() => self.reconfigure(policies, checked.success))
  })

/** Nothing is accepted any more. */
export const refuse = <In, Out>(outbox: Outbox<In, Out>): void => {
  const { connection } = outbox.options
  outbox.refusal ??= new ConnectionError.NotConnected({ connection, state: "Draining" })
}

export const drain = <In, Out>(self: Any<In, Out>, deadline: Duration.Input = "30 seconds"): Effect.Effect<void> =>
  Effect.suspend(() => {
    refuse(self.outbox)
    const duration = Check.duration(deadline)
    return Effect.andThen(Effect.timeoutOrElse(emptied(self), { duration, orElse: () => Effect.void }), close(self))
  })

const emptied = <In, Out>({ outbox }: Any<In, Out>): Effect.Effect<void> =>
  Effect.suspend(() => (outbox.emptied ??= new Waiting()).until(() => (outbox.empty ? Effect.void : undefined)))

export const ping = <In, Out>(self: Any<In, Out>): Effect.Effect<Duration.Duration, Failure> =>
  Effect.suspend(() => {
    const { active, connection } = self
    if (active?.liveness === undefined) return Effect.fail(self.notConnected())
    const { epoch, liveness } = active
    const issue = "no answer; the session ended, the peer is silent, or this heartbeat has no probe"
    return Effect.callback<Duration.Duration, Failure>((resume) => {
      liveness.rtt((rtt) =>
        resume(
          rtt === undefined
            ? Effect.fail(new ConnectionError.PingFailed({ connection, epoch, issue }))
            : Effect.succeed(Duration.millis(rtt))
        )
      )
    })
  })
