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
import { callerOf, deadlineOf, dialOf, permitOf, resolve } from "./dial.ts"
import type { SessionContext, SessionParts } from "./context.ts"
import { openProgram } from "./openProgram.ts"

type Failure = ConnectionError.ConnectionError

/** Goes as far as it can once `settling` is done; what is left to wait for is a program to run. */
export const start = <In, Out>(
  owner: SessionContext<In, Out>,
  session: SessionParts<In>,
  settling: Effect.Effect<void> | undefined
): Effect.Effect<unknown, Failure> | undefined => {
  const isFree =
    settling === undefined && (owner.ask !== undefined || owner.options.permit === undefined) && !owner.traced
  if (isFree && callOf(owner.transport.dial)?.(callerOf(owner, session)) === true) return undefined
  const opening = owner.traced ? traced(owner, session) : begun(owner, session)
  return settling === undefined ? opening : Effect.andThen(settling, opening)
}

const begun = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>): Effect.Effect<unknown, Failure> =>
  Effect.flatMap(permitted(owner, session), (link) => {
    if (session.isOver) return Effect.interrupt
    session.opened(link)
    return openProgram(owner, session) ?? Effect.void
  })

/** What the user's effects trace on the way to Ready belongs to the session. */
const traced = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>) => {
  const attributes = { connection: owner.connection, epoch: session.epoch, attempt: session.dial.attempt }
  return Effect.makeSpanScoped("kharbranth.session", { attributes }).pipe(
    Scope.provide(session.scope),
    Effect.flatMap((parent) => Effect.provideService(begun(owner, session), Tracer.ParentSpan, parent))
  )
}

const permitted = <In, Out>(
  owner: SessionContext<In, Out>,
  session: SessionParts<In>
): Effect.Effect<Link, Failure> => {
  const { permit } = owner.options
  if (permit === undefined) return reach(owner, session)
  return Effect.suspend(() => {
    const scope = Scope.makeUnsafe()
    const dialing = Effect.andThen(permit(permitOf(owner, session)), reach(owner, session))
    // A dial that ran out of time is interrupted, and the one that permitted it learns why.
    return Effect.onExit(Scope.provide(dialing, scope), (exit) => {
      const { ending } = session
      return Scope.close(scope, ending === undefined ? exit : Exit.fail(ending))
    })
  })
}

const reach = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>): Effect.Effect<Link, Failure> =>
  Effect.suspend(() => {
    const deadline = deadlineOf(owner, session)
    return Effect.onExit(dialed(owner, session), () => Effect.sync(() => deadline.clear()))
  })

const dialed = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>): Effect.Effect<Link, Failure> =>
  resolve(owner, session).pipe(
    Effect.flatMap((target) => owner.transport.dial(dialOf(owner, session, target), session)),
    Scope.provide(session.scope)
  )
