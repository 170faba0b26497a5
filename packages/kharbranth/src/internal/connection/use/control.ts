/** What is done to a connection now and then: update, drain, ping, a close with a code. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Connection from "../../../Connection.ts"
import * as ConnectionError from "../../../ConnectionError.ts"
import type * as Inbox from "../../../Inbox.ts"
import { pingDeadline } from "../../heartbeat/detector.ts"
import { attempt } from "../../kit/guard.ts"
import * as Check from "../../model/check.ts"
import { textSize } from "../../model/frame.ts"
import { rebound } from "../../outbox/options.ts"
import type { Outbox } from "../../outbox/outbox.ts"
import type { Writer } from "../../outbox/writer.ts"
import type { Liveness } from "../../session/liveness.ts"
import * as Settings from "../run/settings.ts"
import { close } from "./steer.ts"
import type { Supervisor } from "../run/supervisor.ts"
import { Waiting } from "../../kit/waiting.ts"
import * as Checks from "../../options/checks.ts"

type Failure = ConnectionError.ConnectionError
type Any<In, Out> = Supervisor<In, Out>

/** The policies as they are. Of the outbox, all but the functions that know the types of messages. */
const policiesOf = <In, Out>({ options, policies }: Any<In, Out>): Connection.Policies => {
  const { compression, hooks, inbox, maxMessageSize, openBuffer, writeMark } = options
  const { acks: _, ...outbox } = options.outbox ?? {}
  const bounds = { outbox, inbox: inbox as Inbox.Options<unknown> | undefined }
  const shown = hooks as Connection.Policies["hooks"]
  return { ...policies, ...bounds, hooks: shown, maxMessageSize, compression, openBuffer, writeMark }
}

/** Changes what is in force at once; the sizes serve the next dial. */
const apply = <In, Out>(
  self: Any<In, Out>,
  { compression, hooks, inbox, maxMessageSize, openBuffer, outbox, writeMark }: Connection.Policies
): void => {
  const { options } = self
  const acks = options.outbox?.acks
  const sizes = { maxMessageSize, openBuffer, writeMark }
  self.options = { ...options, hooks, inbox, ...sizes, compression, outbox: { ...outbox, acks } }
  self.reports.listen(hooks, self.inbox, self)
  rebound(self.outbox, Settings.outbox({ ...outbox, acks }))
  if (inbox !== options.inbox) self.inbox.change(Settings.inbox(inbox))
}

export const update = <In, Out>(
  self: Any<In, Out>,
  change: (policies: Connection.Policies) => Connection.Policies
): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const { capabilities } = self.transport
    const given = attempt(
      () => change(policiesOf(self)),
      () => Check.invalid(self.connection, ["update"], "its function threw; expected the policies that it returns")
    )
    if (given instanceof ConnectionError.InvalidOptions) return Effect.fail(given)
    const wrong =
      Checks.policies(self.connection, given) ??
      Checks.compression(self.connection, given.compression, capabilities.compression)
    if (wrong !== undefined) return Effect.fail(wrong)
    const policies = Settings.policiesOf(given, capabilities)
    const checked = Settings.checkPolicies(self.connection, policies, capabilities)
    if (Result.isFailure(checked)) return Effect.fail(checked.failure)
    return Effect.sync(() => {
      apply(self, given)
      self.reconfigure(policies, checked.success)
    })
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

// ---- control frames ----

/** What a ping, a pong or a close can carry, in bytes; a close spends two of them on its code. */
const mostPayload = 125

const checkClose = (connection: string, code: number, reason: string): Check.Check => {
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999))
    return Check.invalid(connection, ["code"], "expected 1000, or a code from 3000 to 4999")
  if (typeof reason !== "string" || textSize(reason) > mostPayload - 2)
    return Check.invalid(connection, ["reason"], "expected text of at most 123 bytes")
  return undefined
}

/** Closes for good, and says why to the peer. */
export const closeWith = <In, Out>(
  self: Any<In, Out>,
  { code = 1000, reason = "" }: Connection.CloseOptions
): Effect.Effect<void, ConnectionError.InvalidOptions> =>
  Effect.suspend(() => {
    const wrong = checkClose(self.connection, code, reason)
    if (wrong !== undefined) return Effect.fail(wrong)
    self.parting = { code, reason }
    return close(self)
  })

/** A ping with this payload; only a pong with the same payload answers it. */
const pingWith = <In, Out>(self: Any<In, Out>, given: unknown): Effect.Effect<Duration.Duration, Failure> =>
  Effect.suspend(() => {
    const { active, connection, epoch } = self
    if (!(given instanceof Uint8Array) || given.length > mostPayload)
      return Effect.fail(Check.invalid(connection, ["payload"], "expected a Uint8Array of at most 125 bytes"))
    const failed = (issue: string) => Effect.fail(new ConnectionError.PingFailed({ connection, epoch, issue }))
    if (self.transport.capabilities.ping === false)
      return failed("this transport cannot send ping frames; without `payload`, the heartbeat's probe is sent instead")
    if (active?.liveness === undefined || active.writer === undefined) return Effect.fail(self.notConnected())
    return Effect.raceFirst(pong(self, active.liveness, active.writer, given.slice()), active.death).pipe(
      Effect.timeoutOrElse({
        duration: pingDeadline,
        orElse: () => failed("no pong with its payload came in time")
      })
    )
  })

const pong = <In, Out>(
  self: Any<In, Out>,
  liveness: Liveness<In, Out>,
  writer: Writer,
  payload: Uint8Array
): Effect.Effect<Duration.Duration> =>
  Effect.callback<Duration.Duration>((resume) => {
    let sent: { readonly seq: number; readonly at: number } | undefined
    const stop = () => {
      liveness.awaited = liveness.awaited?.filter((other) => other !== hears)
    }
    const hears = (answer: Uint8Array): boolean => {
      if (sent === undefined || !isSame(answer, payload)) return false
      const rtt = self.mono() - sent.at
      stop()
      liveness.answered(sent.seq, rtt)
      resume(Effect.succeed(Duration.millis(rtt)))
      return true
    }
    liveness.awaited = [...(liveness.awaited ?? []), hears]
    writer.probe({ ping: payload }, (seq) => (sent = { seq, at: self.mono() }))
    return Effect.sync(stop)
  })

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i])

export const ping = <In, Out>(
  self: Any<In, Out>,
  payload: Uint8Array | undefined
): Effect.Effect<Duration.Duration, Failure> => (payload === undefined ? probed(self) : pingWith(self, payload))

const probed = <In, Out>(self: Any<In, Out>): Effect.Effect<Duration.Duration, Failure> =>
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
