/**
 * Runs what stands between Open and Ready: the user's `onOpen`, then the
 * openings of the protocols above, in the session's scope and under its deadline.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type * as Public from "../../Session.ts"
import * as ConnectionError from "../../ConnectionError.ts"
import { encoded } from "../codec/encode.ts"
import { total } from "../kit/guard.ts"
import { nextMicrotask } from "../kit/microtask.ts"
import { isFrame } from "../model/frame.ts"
import { resultOf } from "../outbox/entry.ts"
import type { SessionContext, SessionParts } from "./context.ts"

/** `undefined` where nothing runs between Open and Ready. */
export const openProgram = <In, Out>(
  owner: SessionContext<In, Out>,
  opened: SessionParts<In>
): Effect.Effect<unknown, ConnectionError.ConnectionError> | undefined => {
  const { connection, options } = owner
  const { onOpen } = options
  const openers = owner.openers()
  if (onOpen === undefined && openers.length === 0) return undefined
  const { epoch, scope } = opened
  const session = handleOf(owner, opened)
  const failed = (issue: string, cause: ConnectionError.ForeignCause) =>
    new ConnectionError.OpenFailed({ connection, epoch, issue, cause })
  const after = owner.policies.openTimeout
  return Effect.gen(function* () {
    const resumed = onOpen === undefined ? undefined : yield* onOpen(session)
    for (const open of openers) yield* open(session)
    return resumed
  }).pipe(
    Effect.provideService(Scope.Scope, scope),
    Effect.catchCause((cause) => Effect.fail(openError(cause, failed))),
    Effect.timeoutOrElse({
      duration: after,
      orElse: () => Effect.fail(failed("it took longer than `openTimeout`", Redacted.make(after, { label: "timeout" })))
    }),
    Effect.raceFirst(opened.death)
  )
}

const openError = (
  cause: Cause.Cause<unknown>,
  failed: (issue: string, cause: ConnectionError.ForeignCause) => ConnectionError.ConnectionError
): ConnectionError.ConnectionError => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) {
    const issue = Cause.hasInterruptsOnly(cause) ? "it interrupted itself" : "it died"
    return failed(issue, ConnectionError.foreign(Cause.squash(cause)))
  }
  const error = failure.error
  return ConnectionError.isConnectionError(error) ? error : failed("it failed", ConnectionError.foreign(error))
}

const handleOf = <In, Out>(owner: SessionContext<In, Out>, opened: SessionParts<In>): Public.Session<In, Out> => {
  const { connection } = owner
  const notConnected = (state: string) => new ConnectionError.NotConnected({ connection, state })
  return {
    epoch: opened.epoch,
    protocol: opened.link?.protocol ?? "",
    send: (message) =>
      Effect.suspend(() => {
        const { writer } = opened
        if (opened.isOver || writer === undefined) return Effect.fail(notConnected("the session is over"))
        const frame = encoded(connection, owner.codec.encode, message)
        if (!isFrame(frame)) return Effect.fail(frame)
        return Effect.callback<void, ConnectionError.ConnectionError>((resume) => {
          const withdraw = writer.open(frame, (outcome) => resume(resultOf(outcome)))
          return Effect.sync(withdraw)
        })
      }),
    receive: (pick = () => true) =>
      Effect.raceFirst(
        Effect.suspend(() => {
          if (opened.isOver) return Effect.fail(notConnected("the session is over"))
          if (!opened.isOpening) return Effect.fail(notConnected("the session is past its opening"))
          return received(opened, pick)
        }),
        opened.death
      )
  }
}

// The message is remembered before the fiber is woken, so the program never runs inside the socket's callback.
const received = <In>(opened: SessionParts<In>, pick: (message: In) => boolean) =>
  Effect.callback<In>((resume) => {
    const stop = opened.early.receive(total(pick, no), (message) => {
      nextMicrotask(() => resume(Effect.succeed(message)))
    })
    return Effect.sync(stop)
  })

const no = (): boolean => false
