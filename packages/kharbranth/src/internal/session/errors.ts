/** What a session's end is called. */
import * as Cause from "effect/Cause"
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "../../ConnectionError.ts"

interface Whose {
  readonly connection: string
  readonly epoch: number
}

export const closedByUs = ({ connection, epoch }: Whose): ConnectionError.ConnectionClosed =>
  new ConnectionError.ConnectionClosed({
    connection,
    epoch,
    code: 1000,
    reason: Redacted.make(""),
    sentCode: 1000,
    initiator: "client"
  })

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
  if (Cause.hasInterruptsOnly(cause)) return closedByUs(whose)
  return new ConnectionError.DialFailed({
    connection: whose.connection,
    kind: "unknown",
    endpoint: "its target",
    cause: ConnectionError.foreign(Cause.squash(cause))
  })
}

/** A close of the peer's own that crosses ours shows nothing; only one that echoes our code is an answer. */
export const answersOurClose = (error: ConnectionError.ConnectionError): boolean =>
  error._tag === "ConnectionClosed" && error.initiator === "client" && error.code === error.sentCode
