/** What a session does from its dial until it is Ready, as one program. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as ConnectionError from "../ConnectionError.ts"
import type { Link } from "../Transport.ts"
import type { Host } from "./host.ts"
import { openProgram } from "./openProgram.ts"
import * as Check from "./options.ts"
import type { Session } from "./session.ts"

type Failure = ConnectionError.ConnectionError

export const life = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Effect.Effect<void, Failure> => {
  const opening = host.traced ? traced(host, session) : begun(host, session)
  const settling = host.settled(session)
  return Effect.map(settling === undefined ? opening : Effect.andThen(settling, opening), (resumed) => {
    session.gate = "Ready"
    host.ready(session, resumed)
  })
}

const begun = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Effect.Effect<unknown, Failure> =>
  Effect.flatMap(permitted(host, session), (link) => {
    if (session.over) return Effect.interrupt
    session.opened(link)
    return openProgram(host, session, session.scope)
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
  const { connection, permit } = host
  if (permit === undefined) return reach(host, session)
  const { attempt, cause, endpoint, epoch } = session.dial
  return Effect.scoped(Effect.andThen(permit({ connection, epoch, attempt, cause, endpoint }), reach(host, session)))
}

// The deadline is a timer, not a race of fibers: a dial that will not be interrupted is over all the same.
const reach = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Effect.Effect<Link, Failure> =>
  Effect.suspend(() => {
    const { connection } = host
    const after = host.policies.dialTimeout
    const deadline = host.timer(() => session.finish(new ConnectionError.DialTimeout({ connection, after })))
    deadline.set(host.now() + Check.millis(after))
    return Effect.onExit(dialed(host, session), () => Effect.sync(() => deadline.clear()))
  })

const dialed = <In, Out>(host: Host<In, Out>, session: Session<In, Out>): Effect.Effect<Link, Failure> => {
  const { connection, maxMessageSize, transport, writeMark } = host
  const { attempt, cause, endpoint, epoch, refresh } = session.dial
  return host.target.resolve(connection, { attempt, refresh, cause, endpoint }).pipe(
    Effect.flatMap(({ expiresAt, headers, subprotocols, url }) => {
      session.expiresAt = expiresAt
      const mark = { high: writeMark, low: Math.floor(writeMark / 4) }
      return transport.dial({ connection, epoch, url, subprotocols, headers, maxMessageSize, writeMark: mark }, session)
    }),
    Scope.provide(session.scope)
  )
}
