/**
 * The default rule from an error to a reconnect decision, as tables: by tag,
 * by close code, by HTTP status. `Reconnect` gives it its public face.
 */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import type { ConnectionError, ForeignCause, HandshakeRejected, TlsError } from "../../ConnectionError.ts"
import { attempt } from "../kit/guard.ts"
import type { Decision } from "../../Reconnect.ts"

// A decision may come back as the failure of a user's program, so it must be
// told from any other value that happens to have a `_tag`.
const decisions = new WeakSet<object>()

const decision = (value: Decision): Decision => {
  decisions.add(value)
  return Object.freeze(value)
}

const isDecision = (u: unknown): u is Decision => typeof u === "object" && u !== null && decisions.has(u)

export const retry: Decision = /* @__PURE__ */ decision({ _tag: "Retry" })
export const refresh: Decision = /* @__PURE__ */ decision({ _tag: "Refresh" })
export const stop: Decision = /* @__PURE__ */ decision({ _tag: "Stop" })
export const retryAfter = (delay: Duration.Duration): Decision => decision({ _tag: "RetryAfter", delay })

// One wrong header must not park a connection for a day: past a minute the
// server is asked again, and may say the same again.
const longestRetryAfter = Duration.seconds(60)

const byCode: Readonly<Record<number, Decision>> = {
  1002: stop,
  1003: stop,
  1007: stop,
  1008: refresh,
  1009: stop,
  1010: stop
}

const byStatus = ({ retryAfter: wait, status }: HandshakeRejected): Decision => {
  if (status === 401 || status === 403) return refresh
  if (status >= 300 && status < 500 && status !== 408 && status !== 429) return stop
  return wait === undefined ? retry : retryAfter(Duration.min(wait, longestRetryAfter))
}

// Trouble on the way to a handshake passes; a certificate that does not verify
// stays, and a code nobody knows is taken for one.
const passing = /^(E[A-Z]+$|ERR_SSL_|ERR_TLS_HANDSHAKE_TIMEOUT$)/

const byTls = ({ code }: TlsError): Decision => (passing.test(code) ? retry : stop)

const decided = (cause: ForeignCause): Decision => {
  const value = Redacted.value(cause)
  if (isDecision(value)) return value
  const inner = typeof value === "object" && value !== null && "decision" in value ? value.decision : undefined
  return isDecision(inner) ? inner : retry
}

export const classify = (error: ConnectionError): Decision => {
  switch (error._tag) {
    case "OpenFailed":
    case "TargetFailed":
      return decided(error.cause)
    case "ConnectionClosed":
      return byCode[error.code] ?? retry
    case "HandshakeRejected":
      return byStatus(error)
    case "TlsError":
      return byTls(error)
    case "DialTimeout":
    case "DialFailed":
    case "ConnectionDropped":
    case "ReadError":
    case "WriteError":
    case "PingFailed":
    case "PongReceiveTimeout":
    case "IdleTimeout":
    case "NotConnected":
    case "OutboxFull":
    case "SendExpired":
      return retry
    default:
      return stop
  }
}

/** The close code an error stands for, if any. */
export const closeCodeOf = (error: ConnectionError): number | undefined => {
  switch (error._tag) {
    case "ConnectionClosed":
    case "ProtocolError":
      return error.code
    case "ConnectionDropped":
      return 1006
    case "MessageTooLarge":
      return 1009
    default:
      return undefined
  }
}

/** A user's rule that cannot throw: where it has no answer, the defaults do. */
export const withFallback =
  (rule: (error: ConnectionError) => Decision | undefined) =>
  (error: ConnectionError): Decision =>
    attempt(
      () => rule(error),
      () => undefined
    ) ?? classify(error)
