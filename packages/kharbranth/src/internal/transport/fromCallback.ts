/**
 * Transports that dial by callback. As an effect each dial needs a fiber and a
 * scope, which ten thousand dials feel; the core takes the callback where it
 * finds one and needs neither. The code for it comes with such a transport.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { ConnectionError, DialError } from "../../ConnectionError.ts"
import type { Dial, Link, Open, Receiver, Transport } from "../../Transport.ts"

type Dialer = Transport["Service"]["dial"]

/** One dial as a callback takes it: the session that dials. */
export interface Caller {
  readonly receiver: Receiver
  /** What to dial, if that is known without waiting. */
  readonly dial: Dial | undefined
  /** Calls `go` once the dial is permitted; its deadline begins there. */
  permitted(go: () => void): void
  /** Registers how to release what the dial holds. */
  hold(release: () => void): void
  /** The dial's outcome is known. */
  answered(exit: Exit.Exit<Link, ConnectionError>, release: () => void): void
  /** Runs an outcome that still has something to do, then answers with it. */
  run<E>(outcome: Effect.Effect<Link, E>, answer: (exit: Exit.Exit<Link, E>) => void): void
}

/** Dials by callback, unless the caller has to wait for what to dial; whether it did. */
export type Call = (caller: Caller) => boolean

const calls = new WeakMap<Dialer, Call>()

/** How to dial by callback, if the dial effect was made of one. */
export const callOf = (dialer: Dialer): Call | undefined => calls.get(dialer)

/** The outcome of an effect that has nothing left to run. */
export const outcomeOf = <A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> | undefined =>
  Exit.isExit(effect) ? (effect as Exit.Exit<A, E>) : undefined

const nothing = (): void => {}

export const fromCallback = (open: Open): Dialer => {
  const dialer: Dialer = (dial, receiver) =>
    Effect.flatMap(Effect.scope, (scope) => {
      let release = nothing
      const releasing = Effect.sync(() => release())
      return Effect.andThen(
        Scope.addFinalizer(scope, releasing),
        Effect.callback<Link, DialError>((resume) => {
          release = open(dial, receiver, resume)
          return releasing
        })
      )
    })
  calls.set(dialer, (caller) => {
    const { dial } = caller
    if (dial === undefined) return false
    caller.permitted(() => begin(caller, open, dial))
    return true
  })
  return dialer
}

const begin = (caller: Caller, open: Open, dial: Dial): void => {
  let release = nothing
  const answer = (outcome: Effect.Effect<Link, ConnectionError>): void => {
    const exit = outcomeOf(outcome)
    if (exit === undefined) caller.run(outcome, answer)
    else caller.answered(exit, release)
  }
  release = open(dial, caller.receiver, answer)
  caller.hold(release)
}
