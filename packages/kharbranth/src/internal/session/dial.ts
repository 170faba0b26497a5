/** What every dial is made of: its permit, its deadline, its target; and a session's dial by callback. */
import * as ConnectionError from "../../ConnectionError.ts"
import type { Permit } from "../../Session.ts"
import type { Target } from "../../Target.ts"
import type { Dial } from "../../Transport.ts"
import type { Timer } from "../kit/timers.ts"
import * as Check from "../model/check.ts"
import type { Caller } from "../transport/fromCallback.ts"
import type { SessionContext, SessionParts } from "./context.ts"

/** What the session asks for; it waits for that from now on. */
export const permitOf = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>): Permit => {
  const { connection, reports } = owner
  const { attempt, cause, endpoint, epoch } = session.dial
  session.dialPhase("permit")
  return { connection, epoch, attempt, cause, endpoint, report: (event) => reports.emit(event) }
}

// The deadline is a timer, not a race of fibers: a dial that will not be interrupted ends nevertheless.
export const deadlineOf = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>): Timer => {
  const { connection } = owner
  const after = owner.policies.dialTimeout
  const deadline = owner.timer(() =>
    session.finish(new ConnectionError.DialTimeout({ connection, after, phase: session.phase }))
  )
  deadline.set(owner.mono() + Check.millis(after))
  return deadline
}

export const resolve = <In, Out>(owner: SessionContext<In, Out>, { dial }: SessionParts<In>) => {
  const { attempt, cause, endpoint, refresh } = dial
  return owner.target.resolve(owner.connection, { attempt, refresh, cause, endpoint })
}

const markOf = (high: number): Dial["writeMark"] => ({ high, low: Math.floor(high / 4) })

const defaultMark = markOf(256 * 1024)

export const dialOf = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>, target: Target): Dial => {
  const { connection, options } = owner
  const { compression, maxMessageSize = 1024 * 1024 } = options
  const { expiresAt, headers, heartbeat, subprotocols, url } = target
  owner.reports.url = url
  session.dialPhase("connect")
  session.expiresAt = expiresAt
  session.heartbeat = heartbeat
  const writeMark = options.writeMark === undefined ? defaultMark : markOf(options.writeMark)
  session.writeMark = writeMark.high
  const successor = session.dial.role === "successor"
  session.dialing()
  const sizes = { maxMessageSize, writeMark }
  return { connection, epoch: session.epoch, url, subprotocols, headers, ...sizes, compression, successor }
}

/** A session's dial, as a transport takes it that dials by callback. */
export const callerOf = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>): Caller<Target> => {
  const { ask } = owner
  return {
    session,
    target: resolve(owner, session),
    dialTo: (target) => dialOf(owner, session, target),
    deadline: () => deadlineOf(owner, session),
    ask: ask && ((answer) => ask(permitOf(owner, session), answer)),
    fork: (effect) => owner.fork(effect)
  }
}
