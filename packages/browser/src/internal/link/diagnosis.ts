/**
 * Asks the user's program why a dial failed. The question is bounded in time;
 * without an answer the failure stays what it was.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"
import type { Ask, Finding } from "../../BrowserTransport.ts"

export const explain = (
  dial: Dial,
  failed: ConnectionError.DialFailed,
  ask: Ask,
  atMost: Duration.Input
): Effect.Effect<ConnectionError.DialError> => {
  const { connection, epoch, url } = dial
  return Effect.suspend(() => ask({ connection, epoch, url })).pipe(
    Effect.timeoutOption(atMost),
    Effect.map((found) => (Option.isNone(found) ? failed : errorOf(dial, failed, found.value))),
    Effect.catchCause(() => Effect.succeed(failed))
  )
}

const errorOf = (
  { connection }: Dial,
  failed: ConnectionError.DialFailed,
  finding: Finding | undefined
): ConnectionError.DialError => {
  const { cause, endpoint } = failed
  switch (finding?._tag) {
    case undefined:
      return failed
    case "Unreachable":
      return new ConnectionError.DialFailed({ connection, kind: "unreachable", endpoint, cause })
    case "Rejected":
      return new ConnectionError.HandshakeRejected({
        connection,
        endpoint,
        status: finding.status,
        retryAfter: finding.retryAfter,
        response: Redacted.make({ headers: {}, body: "" }, { label: "response" })
      })
  }
}
