/**
 * What a session does from its dial until it is Ready: one program, or plain
 * calls where nothing has to be waited for but the transport's answer.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type * as ConnectionError from "../../ConnectionError.ts"
import type { Link } from "../../Transport.ts"
import { callOf } from "../transport/fromCallback.ts"
import { CallbackDial, deadlineOf, dialOf, permitOf, resolve } from "./dial.ts"
import type { Host } from "./host.ts"
import { hasOpening, openProgram } from "./openProgram.ts"
import type { Session } from "./session.ts"

type Failure = ConnectionError.ConnectionError

/** Goes as far as it can; what is left to wait for is a program to run. */
export const start = <In, Out>(
  host: Host<In, Out>,
  session: Session<In, Out>
): Effect.Effect<unknown, Failure> | undefined => {
  const settling = host.settled(session)
  const isFree = settling === undefined && (host.ask !== undefined || host.permit === undefined) && !host.traced
  if (isFree && callOf(host.transport.dial)?.(new CallbackDial(host, session)) === true) return undefined
  const opening = host.traced ? traced(host, session) : begun(host, session)
  return settling === undefined ? opening : Effect.andThen(settling, opening)
}

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
  return Effect.suspend(() => {
    const scope = Scope.makeUnsafe()
    const dialing = Effect.andThen(permit(permitOf(host, session)), reach(host, session))
    // A dial that ran out of time is interrupted; whoever permitted it is told why.
    return Effect.onExit(Scope.provide(dialing, scope), (exit) => {
      const { ending } = session
      return Scope.close(scope, ending === undefined ? exit : Exit.fail(ending))
    })
  })
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
