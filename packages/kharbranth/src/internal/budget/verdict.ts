/**
 * What the end of a dial says about its key: the server works, is busy, has failed,
 * or may not even have been asked.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import {
  type ConnectionError,
  type DialFailed,
  type HandshakeRejected,
  isConnectionError
} from "../../ConnectionError.ts"
import type { Verdict } from "../../DialBudget.ts"

const success: Verdict = { _tag: "Success" }
const failure: Verdict = { _tag: "Failure" }
/** The dial was given up on the way: the server may have seen it. */
export const abandoned: Verdict = { _tag: "Neutral", counted: true }
/** The dial never left this machine. */
const unsent: Verdict = { _tag: "Neutral", counted: false }

// Out of descriptors, without a route or a resolver, or held back by a breaker: that says nothing about any server.
const ownTrouble: ReadonlySet<DialFailed["kind"]> = new Set(["local", "unreachable", "dns", "breaker"])

const tryAgainLater = 1013

const ofRejection = ({ retryAfter, status }: HandshakeRejected): Verdict => {
  if (retryAfter !== undefined) return { _tag: "Busy", wait: Duration.toMillis(retryAfter) }
  if (status === 429) return { _tag: "Busy", wait: undefined }
  // A server that answers 404 or 401 works.
  return status >= 500 || status === 408 ? failure : success
}

export const ofError = (error: ConnectionError): Verdict => {
  switch (error._tag) {
    case "InvalidOptions":
    case "TargetFailed":
      return unsent
    case "DialFailed":
      return ownTrouble.has(error.kind) ? unsent : failure
    case "DialTimeout":
    case "TlsError":
      return failure
    case "HandshakeRejected":
      return ofRejection(error)
    case "ConnectionClosed":
      return error.code === tryAgainLater ? { _tag: "Busy", wait: undefined } : abandoned
    default:
      return abandoned
  }
}

export const ofExit = (exit: Exit.Exit<unknown, unknown>): Verdict => {
  if (Exit.isSuccess(exit)) return success
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return isConnectionError(error) ? ofError(error) : abandoned
}
