/**
 * Dials that are callbacks underneath. As an effect each dial needs a fiber and
 * a scope; the core takes the callback where it finds one, and needs neither.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { DialError } from "../ConnectionError.ts"
import type { Link, Open, Transport } from "../Transport.ts"

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
