/**
 * What a session does from its dial until it is Ready: one program, or plain
 * calls where nothing has to be waited for but the transport's answer.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type * as ConnectionError from "../../ConnectionError.ts"
import type { Link } from "../../Transport.ts"
import { callOf } from "../transport/fromCallback.ts"
import { callerOf, deadlineOf, dialOf, permitOf, resolve } from "./dial.ts"
import type { DialCommand, SessionContext, SessionParts } from "./context.ts"
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

const attributesOf = ({ connection }: { readonly connection: string }, { attempt, endpoint, epoch }: DialCommand) => ({
  "kharbranth.connection": connection,
  "kharbranth.epoch": epoch,
  "kharbranth.attempt": attempt,
  "kharbranth.endpoint": endpoint
})

/**
 * One span for the dial, from here until Ready or the failure, linked to the
 * dial before it. What the user's effects trace on that way belongs to it.
 */
const traced = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>) => {
  const { reports } = owner
  const { span: before } = reports
  const options = {
    attributes: attributesOf(owner, session.dial),
    kind: "client",
    // The span that the connection was made in is over by the time of a later dial.
    root: before !== undefined,
    links: before === undefined ? [] : [{ span: before, attributes: {} }]
  } as const
  return Effect.flatMap(Effect.makeSpan("kharbranth.dial", options), (span) => {
    reports.span = Tracer.externalSpan(span)
    return begun(owner, session).pipe(
      Effect.provideService(Tracer.ParentSpan, span),
      Effect.onExit((exit) => Effect.map(Clock.currentTimeNanos, (now) => endSpan(span, now, exit, session.ending)))
    )
  })
}

/** A dial that a deadline or a close ended was interrupted: its span shows why. */
const endSpan = (
  span: Tracer.Span,
  now: bigint,
  exit: Exit.Exit<unknown, Failure>,
  ending: Failure | undefined
): void => {
  const error = ending ?? Option.getOrUndefined(Exit.findErrorOption(exit))
  if (error !== undefined) span.attribute("error.type", error._tag)
  span.end(now, error === undefined ? exit : Exit.fail(error))
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
    session.dialPhase("target")
    const deadline = deadlineOf(owner, session)
    return Effect.onExit(dialed(owner, session), () => Effect.sync(() => deadline.clear()))
  })

const dialed = <In, Out>(owner: SessionContext<In, Out>, session: SessionParts<In>): Effect.Effect<Link, Failure> =>
  resolve(owner, session).pipe(
    Effect.flatMap((target) => owner.transport.dial(dialOf(owner, session, target), session)),
    Scope.provide(session.scope)
  )
