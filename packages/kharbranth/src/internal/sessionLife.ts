/**
 * What a session does from its dial until it is Ready: one program, or plain
 * calls where nothing has to be waited for but the transport's answer.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { Permit } from "../Connection.ts"
import * as ConnectionError from "../ConnectionError.ts"
import type { Target } from "../Target.ts"
import type { Dial, Link, Open } from "../Transport.ts"
import { type Ask, openOf, outcomeOf } from "./dialing.ts"
import type { Host } from "./host.ts"
import { hasOpening, openProgram } from "./openProgram.ts"
import * as Check from "./options.ts"
import type { Session } from "./session.ts"
import type { Timer } from "./timers.ts"

type Failure = ConnectionError.ConnectionError

/** Goes as far as it can; what is left to wait for is a program to run. */
export const start = <In, Out>(
  host: Host<In, Out>,
  session: Session<In, Out>
): Effect.Effect<unknown, Failure> | undefined => {
  const settling = host.settled(session)
  const isFree = settling === undefined && (host.ask !== undefined || host.permit === undefined) && !host.traced
  if (isFree && called(host, session)) return undefined
  const opening = host.traced ? traced(host, session) : begun(host, session)
  return settling === undefined ? opening : Effect.andThen(settling, opening)
}

/** Dials by callback, if the target is known and the transport can: a fiber for each dial is felt by ten thousand. */
const called = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): boolean => {
  const open = openOf(host.transport.dial)
  const target = open === undefined ? undefined : outcomeOf(resolve(host, session))
  if (open === undefined || target === undefined || Exit.isFailure(target)) return false
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
  const answer = (outcome: Effect.Effect<Link, Failure>): void => {
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

const nothing = (): void => {}

/** What follows once the link is open: a program, if there is one. */
export const opened = <In, Out>(
  host: Host<In, Out>,
  session: Session<In, Out>
): Effect.Effect<unknown, Failure> | undefined =>
  hasOpening(host) ? openProgram(host, session, session.scope) : undefined

const begun = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Effect.Effect<unknown, Failure> =>
  Effect.flatMap(permitted(host, session), (link) => {
    if (session.over) return Effect.interrupt
    session.opened(link)
    return opened(host, session) ?? Effect.void
  })

/** What the user's effects trace on the way to Ready belongs to the session. */
const traced = <In, Out>(host: Host<In, Out>, session: Session<In, Out>) => {
  const attributes = { connection: host.connection, epoch: session.epoch, attempt: session.dial.attempt }
  return Effect.makeSpanScoped("kharbranth.session", { attributes }).pipe(
    Scope.provide(session.scope),
    Effect.flatMap((parent) => Effect.provideService(begun(host, session), Tracer.ParentSpan, parent))
  )
}

const permitted = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Effect.Effect<Link, Failure> => {
  const { permit } = host
  if (permit === undefined) return reach(host, session)
  return Effect.scoped(Effect.andThen(permit(permitOf(host, session)), reach(host, session)))
}

const permitOf = <In, Out>({ connection }: Host<In, Out>, { dial }: Session<In, Out>): Permit => {
  const { attempt, cause, endpoint, epoch } = dial
  return { connection, epoch, attempt, cause, endpoint }
}

// The deadline is a timer, not a race of fibers: a dial that will not be interrupted is over all the same.
const deadlineOf = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Timer => {
  const { connection } = host
  const after = host.policies.dialTimeout
  const deadline = host.timer(() => session.finish(new ConnectionError.DialTimeout({ connection, after })))
  deadline.set(host.now() + Check.millis(after))
  return deadline
}

const reach = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Effect.Effect<Link, Failure> =>
  Effect.suspend(() => {
    const deadline = deadlineOf(host, session)
    return Effect.onExit(dialed(host, session), () => Effect.sync(() => deadline.clear()))
  })

const dialed = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Effect.Effect<Link, Failure> =>
  resolve(host, session).pipe(
    Effect.flatMap((target) => host.transport.dial(dialOf(host, session, target), session)),
    Scope.provide(session.scope)
  )

const resolve = <In, Out>(host: Host<In, Out>, { dial }: Session<In, Out>) => {
  const { attempt, cause, endpoint, refresh } = dial
  return host.target.resolve(host.connection, { attempt, refresh, cause, endpoint })
}

const dialOf = <In, Out>(host: Host<In, Out>, session: Session<In, Out>, target: Target): Dial => {
  const { connection, maxMessageSize, writeMark } = host
  const { expiresAt, headers, subprotocols, url } = target
  session.expiresAt = expiresAt
  const mark = { high: writeMark, low: Math.floor(writeMark / 4) }
  return { connection, epoch: session.epoch, url, subprotocols, headers, maxMessageSize, writeMark: mark }
}
