/** What every dial is made of: its permit, its deadline, its target. */
import type { Permit } from "../../Connection.ts"
import * as ConnectionError from "../../ConnectionError.ts"
import type { Target } from "../../Target.ts"
import type { Dial } from "../../Transport.ts"
import type { Host } from "../session/host.ts"
import * as Check from "../model/check.ts"
import type { Session } from "../session/session.ts"
import type { Timer } from "../kit/timers.ts"

export const permitOf = <In, Out>({ connection }: Host<In, Out>, { dial }: Session<In, Out>): Permit => {
  const { attempt, cause, endpoint, epoch } = dial
  return { connection, epoch, attempt, cause, endpoint }
}

// The deadline is a timer, not a race of fibers: a dial that will not be interrupted is over all the same.
export const deadlineOf = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Timer => {
  const { connection } = host
  const after = host.policies.dialTimeout
  const deadline = host.timer(() => session.finish(new ConnectionError.DialTimeout({ connection, after })))
  deadline.set(host.now() + Check.millis(after))
  return deadline
}

export const resolve = <In, Out>(host: Host<In, Out>, { dial }: Session<In, Out>) => {
  const { attempt, cause, endpoint, refresh } = dial
  return host.target.resolve(host.connection, { attempt, refresh, cause, endpoint })
}

export const dialOf = <In, Out>(host: Host<In, Out>, session: Session<In, Out>, target: Target): Dial => {
  const { connection, maxMessageSize, writeMark } = host
  const { expiresAt, headers, subprotocols, url } = target
  session.expiresAt = expiresAt
  const mark = { high: writeMark, low: Math.floor(writeMark / 4) }
  const successor = session.dial.role === "successor"
  return { connection, epoch: session.epoch, url, subprotocols, headers, maxMessageSize, writeMark: mark, successor }
}
