/**
 * Tells taps what happens beside the messages. One that throws has been told,
 * and keeps nothing from the others.
 */
import { type ConnectionError, ConnectionDropped } from "../../../ConnectionError.ts"
import type { Tap } from "../../../Session.ts"
import { closedByUs } from "../../session/errors.ts"

interface Ended {
  readonly connection: string
  readonly epoch: number
  /** Whether we had begun to close it. */
  readonly closing: boolean
}

/**
 * A session's end as taps are told it. Once we close a session, what its socket
 * says then is no news; within an overlap what was on its way is lost, even when
 * it was us who dropped it.
 */
export const toldOf = (session: Ended, error: ConnectionError, cutShort: boolean): ConnectionError => {
  const { connection, epoch } = session
  if (!cutShort) return session.closing ? closedByUs(session) : error
  const isOurs = error._tag === "ConnectionClosed" && error.initiator === "client"
  return isOurs ? new ConnectionDropped({ connection, epoch, cause: undefined }) : error
}

export const tellEnded = (
  taps: Iterable<Pick<Tap<never, unknown>, "ended">>,
  epoch: number,
  error: ConnectionError
): void => {
  for (const tap of taps) {
    try {
      tap.ended?.(epoch, error)
    } catch {
      continue
    }
  }
}
