/**
 * Dials that are callbacks underneath. As an effect each dial needs a fiber and
 * a scope; the core takes the callback where it finds one, and needs neither.
 * The way of taking it comes with the transport that has one.
 */
import type * as Exit from "effect/Exit"
import type { Permit } from "../../Connection.ts"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { Transport } from "../../Transport.ts"
import type { Host } from "../session/host.ts"
import type { Session } from "../session/session.ts"

/**
 * A dial permit by callback, as the manager's budget gives it: the answer comes
 * later, as an error if there is none to have. Whoever asked tells how the dial
 * ended, or that it wants none any more; the first time counts.
 */
export type Ask = (
  dial: Permit,
  answer: (refusal: ConnectionError | undefined) => void
) => (exit: Exit.Exit<unknown, unknown>) => void

/** Dials for a session by callback, if its target is known; whether it does. */
export type Calls = <In, Out>(host: Host<In, Out>, session: Session<In, Out>) => boolean

type Dialer = Transport["Service"]["dial"]

const calls = new WeakMap<Dialer, Calls>()

/** How to dial by callback, if the dial effect was made of one. */
export const callsOf = (dialer: Dialer): Calls | undefined => calls.get(dialer)

export const madeOf = (dialer: Dialer, by: Calls): Dialer => {
  calls.set(dialer, by)
  return dialer
}
