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

/** One dial, as the session that dials hands it to a callback. */
export interface Caller<Target> {
  readonly session: Receiver & {
    readonly isOver: boolean
    /** Registers how to release what the dial holds, if anything; called with what ended the session. */
    hold(release: ((error: ConnectionError) => void) | undefined): void
    /** The outcome of the dial. */
    dialed(exit: Exit.Exit<Link, ConnectionError>): void
    finish(error: ConnectionError): void
  }
  /** Where to; an effect that has nothing left to run, unless there is something to wait for. */
  readonly target: Effect.Effect<Target, unknown>
  dialTo(target: Target): Dial
  /** Starts the deadline of the dial. */
  deadline(): { clear(): void }
  /** Asks for a permit, if the dial needs one; returns how to report the outcome. */
  readonly ask: ((answer: (refusal: ConnectionError | undefined) => void) => Settle) | undefined
  fork(effect: Effect.Effect<void>): void
}

type Settle = (exit: Exit.Exit<unknown, unknown>) => void

/** Dials by callback, unless the session has to wait for its target; whether it did. */
export type Call = <Target>(caller: Caller<Target>) => boolean

const calls = new WeakMap<Dialer, Call>()

/** How to dial by callback, if the dial effect was made of one. */
export const callOf = (dialer: Dialer): Call | undefined => calls.get(dialer)

/** The outcome of an effect that has nothing left to run. */
const outcomeOf = <A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> | undefined =>
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
    const target = outcomeOf(caller.target)
    if (target === undefined || Exit.isFailure(target)) return false
    const go = (settle: Settle) => begin(caller, open, caller.dialTo(target.value), settle)
    if (caller.ask === undefined) go(nothing)
    else permitted(caller, caller.ask, go)
    return true
  })
  return dialer
}

const permitted = <Target>(
  { session }: Caller<Target>,
  ask: NonNullable<Caller<Target>["ask"]>,
  go: (settle: Settle) => void
): void => {
  // The answer comes later, when `settle` is known.
  const settle = ask((refusal) => {
    if (session.isOver) return
    if (refusal === undefined) go(settle)
    else session.finish(refusal)
  })
  session.hold((error) => settle(Exit.fail(error)))
}

const begin = <Target>(caller: Caller<Target>, open: Open, dial: Dial, settle: Settle): void => {
  const { session } = caller
  const deadline = caller.deadline()
  let abandon = nothing
  let answered = false
  const answer = (outcome: Effect.Effect<Link, ConnectionError>): void => {
    const exit = outcomeOf(outcome)
    if (exit === undefined) return caller.fork(Effect.map(Effect.exit(outcome), answer))
    answered = true
    deadline.clear()
    settle(exit)
    session.hold(Exit.isSuccess(exit) ? undefined : abandon)
    session.dialed(exit)
  }
  abandon = open(dial, session, answer)
  if (answered) return
  session.hold((error) => {
    deadline.clear()
    settle(Exit.fail(error))
    abandon()
  })
}
