/**
 * Dials that are callbacks underneath. As an effect each dial needs a fiber and
 * a scope; the core takes the callback where it finds one, and needs neither.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Permit } from "../Connection.ts"
import type { ConnectionError, DialError } from "../ConnectionError.ts"
import type { Link, Open, Transport } from "../Transport.ts"
import { Waiters } from "./waiters.ts"

/**
 * A dial permit by callback, as the manager's budget gives it: the answer comes
 * later, as an error if there is none to have. Whoever asked tells how the dial
 * ended, or that it wants none any more; the first time counts.
 */
export type Ask = (
  dial: Permit,
  answer: (refusal: ConnectionError | undefined) => void
) => (exit: Exit.Exit<unknown, unknown>) => void

type Dialer = Transport["Service"]["dial"]

const opens = new WeakMap<Dialer, Open>()

/** The callback below a dial effect, if it was made of one. */
export const openOf = (dialer: Dialer): Open | undefined => opens.get(dialer)

/** The outcome of an effect that has nothing left to run. */
export const outcomeOf = <A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> | undefined =>
  Exit.isExit(effect) ? (effect as Exit.Exit<A, E>) : undefined

const nothing = (): void => {}

export const fromCallback = (open: Open): Dialer => {
  const dialer: Dialer = (dial, receiver) =>
    Effect.flatMap(Effect.scope, (scope) => {
      let letGo = nothing
      const release = Effect.sync(() => letGo())
      return Effect.andThen(
        Scope.addFinalizer(scope, release),
        Effect.callback<Link, DialError>((resume) => {
          letGo = open(dial, receiver, resume)
          return release
        })
      )
    })
  opens.set(dialer, open)
  return dialer
}

/** A permit as the `permit` option has it: its scope, closed with the dial's outcome, gives it back. */
export const permitBy =
  (ask: Ask) =>
  (dial: Permit): Effect.Effect<void, ConnectionError, Scope.Scope> =>
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.suspend(() => {
        const answer = new Waiters<ConnectionError | undefined>()
        const pass = ask(dial, (refusal) => answer.tell(refusal))
        // Answers come later, so nobody can miss one here.
        const granted = answer.wait((refusal) => (refusal === undefined ? Effect.void : Effect.fail(refusal)))
        const release = Scope.addFinalizerExit(scope, (exit) => Effect.sync(() => pass(exit)))
        return Effect.andThen(Effect.uninterruptible(release), granted)
      })
    )
