/** Transports that dial by callback, and how the core takes the callback: ten thousand dials feel a fiber for each. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { ConnectionError, DialError } from "../../ConnectionError.ts"
import type { Target } from "../../Target.ts"
import type { Link, Open, Transport } from "../../Transport.ts"
import { type Ask, type Calls, madeOf } from "./dialing.ts"
import { deadlineOf, dialOf, permitOf, resolve } from "../budget/dialParts.ts"
import type { Host } from "../session/host.ts"
import type { Session } from "../session/session.ts"

/** The outcome of an effect that has nothing left to run. */
export const outcomeOf = <A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> | undefined =>
  Exit.isExit(effect) ? (effect as Exit.Exit<A, E>) : undefined

const nothing = (): void => {}

export const fromCallback = (open: Open): Transport["Service"]["dial"] => {
  const dialer: Transport["Service"]["dial"] = (dial, receiver) =>
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
  return madeOf(dialer, calling(open))
}

const calling =
  (open: Open): Calls =>
  (host, session) => {
    const target = outcomeOf(resolve(host, session))
    if (target === undefined || Exit.isFailure(target)) return false
    if (host.ask === undefined) call(host, session, open, target.value)
    else asked(host, session, host.ask, (pass) => call(host, session, open, target.value, pass))
    return true
  }

type Pass = ReturnType<Ask>

const asked = <In, Out>(host: Host<In, Out>, session: Session<In, Out>, ask: Ask, go: (pass: Pass) => void): void => {
  const pass = ask(permitOf(host, session), (refusal) => {
    if (session.over) return
    if (refusal === undefined) go(pass)
    else session.finish(refusal)
  })
  session.hold((error) => pass(Exit.fail(error)))
}

const call = <In, Out>(host: Host<In, Out>, session: Session<In, Out>, open: Open, target: Target, pass?: Pass) => {
  const deadline = deadlineOf(host, session)
  let answered = false
  const answer = (outcome: Effect.Effect<Link, ConnectionError>): void => {
    const exit = outcomeOf(outcome)
    if (exit === undefined) return void host.fork(Effect.map(Effect.exit(outcome), answer))
    answered = true
    deadline.clear()
    pass?.(exit)
    session.hold(letGo)
    session.dialed(exit)
  }
  let letGo = nothing
  letGo = open(dialOf(host, session, target), session, answer)
  if (answered) return session.hold(letGo)
  session.hold((error) => {
    deadline.clear()
    pass?.(Exit.fail(error))
    letGo()
  })
}
