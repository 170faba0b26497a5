/** What every dial is made of: its permit, its deadline, its target; and a session's dial by callback. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ConnectionError from "../../ConnectionError.ts"
import type { Permit } from "../../Session.ts"
import type { Target } from "../../Target.ts"
import type { Dial, Link } from "../../Transport.ts"
import type { Timer } from "../kit/timers.ts"
import * as Check from "../model/check.ts"
import { type Caller, outcomeOf } from "../transport/fromCallback.ts"
import type { Host } from "./host.ts"
import type { Session } from "./session.ts"

/**
 * A dial permit by callback, as the manager's budget gives it. The answer comes
 * later, with an error if the dial is refused. The function it returns takes
 * the outcome of the dial, or says that no permit is wanted any more; its first
 * call counts.
 */
export type Ask = (
  dial: Permit,
  answer: (refusal: ConnectionError.ConnectionError | undefined) => void
) => (exit: Exit.Exit<unknown, unknown>) => void

export const permitOf = <In, Out>({ connection }: Host<In, Out>, { dial }: Session<In, Out>): Permit => {
  const { attempt, cause, endpoint, epoch } = dial
  return { connection, epoch, attempt, cause, endpoint }
}

// The deadline is a timer, not a race of fibers: a dial that will not be interrupted ends nevertheless.
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

/** A session that dials by callback. */
export class CallbackDial<In, Out> implements Caller {
  readonly dial: Dial | undefined
  readonly receiver: Session<In, Out>
  private readonly host: Host<In, Out>
  private deadline: Timer | undefined
  private settlePermit: ReturnType<Ask> | undefined
  private hasAnswer = false

  constructor(host: Host<In, Out>, session: Session<In, Out>) {
    this.host = host
    this.receiver = session
    const target = outcomeOf(resolve(host, session))
    this.dial = target === undefined || Exit.isFailure(target) ? undefined : dialOf(host, session, target.value)
  }

  permitted(go: () => void): void {
    const { host, receiver } = this
    const begin = () => {
      this.deadline = deadlineOf(host, receiver)
      go()
    }
    if (host.ask === undefined) return begin()
    const settle = host.ask(permitOf(host, receiver), (refusal) => {
      if (receiver.over) return
      if (refusal === undefined) begin()
      else receiver.finish(refusal)
    })
    this.settlePermit = settle
    receiver.hold((error) => settle(Exit.fail(error)))
  }

  hold(release: () => void): void {
    const { receiver } = this
    if (this.hasAnswer) receiver.hold(release)
    else {
      receiver.hold((error) => {
        this.over(Exit.fail(error))
        release()
      })
    }
  }

  answered(exit: Exit.Exit<Link, ConnectionError.ConnectionError>, release: () => void): void {
    const { receiver } = this
    this.hasAnswer = true
    this.over(exit)
    receiver.hold(release)
    receiver.dialed(exit)
  }

  run<E>(outcome: Effect.Effect<Link, E>, answer: (exit: Exit.Exit<Link, E>) => void): void {
    this.host.fork(Effect.map(Effect.exit(outcome), answer))
  }

  private over(exit: Exit.Exit<unknown, unknown>): void {
    this.deadline?.clear()
    this.settlePermit?.(exit)
  }
}
