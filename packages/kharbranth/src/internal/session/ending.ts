/**
 * How sessions end: which error names the end, what a tap is told of it, and
 * how to wait until the socket of a session is gone.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "../../ConnectionError.ts"
import type { SessionEnded } from "../../ConnectionEvent.ts"
import type { Link } from "../../Transport.ts"
import { closedByUs } from "../lifecycle/moves.ts"

interface Whose {
  readonly connection: string
  readonly epoch: number
}

export const overrun = (whose: Whose, bytes: number, limit: number): ConnectionError.OpenFailed =>
  new ConnectionError.OpenFailed({
    connection: whose.connection,
    epoch: whose.epoch,
    issue: `${bytes} bytes arrived before it was done (\`openBuffer\` is ${limit})`,
    cause: Redacted.make(undefined)
  })

/** What a session's program ended with. */
export const failureOf = (
  whose: Whose,
  cause: Cause.Cause<ConnectionError.ConnectionError>
): ConnectionError.ConnectionError => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return failure.error
  if (Cause.hasInterruptsOnly(cause)) return closedByUs(whose.connection, whose.epoch)
  return new ConnectionError.DialFailed({
    connection: whose.connection,
    kind: "unknown",
    endpoint: "its target",
    cause: ConnectionError.foreign(Cause.squash(cause))
  })
}

/** A close of the peer's own that crosses ours shows nothing; only one that echoes our code is an answer. */
export const answersOurClose = (error: ConnectionError.ConnectionError): boolean =>
  isOurs(error) && error._tag === "ConnectionClosed" && error.code === error.sentCode

/** Whether this side closed the session. */
export const isOurs = (error: ConnectionError.ConnectionError): boolean =>
  error._tag === "ConnectionClosed" && error.initiator === "client"

const byPeer = /^(Handshake|Protocol|MessageTooLarge)/
const byNetwork = /^(Dial|Tls|Read|Write|Pong|Idle|ConnectionDropped)/

/** Who ended a session. */
export const endedBy = (error: ConnectionError.ConnectionError): SessionEnded["by"] => {
  const isPeer = error._tag === "ConnectionClosed" ? error.initiator === "server" : byPeer.test(error._tag)
  return isPeer ? "peer" : byNetwork.test(error._tag) ? "network" : "us"
}

// ---- what taps are told ----

interface Ended extends Whose {
  /** Whether we had begun to close it. */
  readonly closing: boolean
}

/**
 * A session's end as taps are told it. Once we close a session, what its socket
 * says then is no news. Within an overlap what was on its way is lost, even when
 * we dropped it ourselves.
 */
export const toldOf = (
  session: Ended,
  error: ConnectionError.ConnectionError,
  cutShort: boolean
): ConnectionError.ConnectionError => {
  const { connection, epoch } = session
  if (!cutShort) return session.closing ? closedByUs(connection, epoch) : error
  return isOurs(error) ? new ConnectionError.ConnectionDropped({ connection, epoch, cause: undefined }) : error
}

// ---- waiting until their sockets are gone ----

interface Leaving {
  readonly link: Link | undefined
  readonly hasLeft: Effect.Effect<void>
}

/** How long a dial waits for earlier sockets to finish closing. */
const settleAtMost = Duration.millis(500)

/** Waits until their sockets are gone. They go by themselves, so it is enough to wait for one after the other. */
export const left = (sessions: ReadonlyArray<Leaving>): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (const { hasLeft } of sessions) yield* hasLeft
  })

/** Waits likewise, but not for long: then they are cut off. Nothing to wait for is `undefined`. */
export const settled = (sessions: ReadonlyArray<Leaving>): Effect.Effect<void> | undefined =>
  sessions.length === 0
    ? undefined
    : Effect.timeoutOrElse(left(sessions), {
        duration: settleAtMost,
        orElse: () => Effect.sync(() => sessions.forEach(({ link }) => link?.terminate()))
      })
