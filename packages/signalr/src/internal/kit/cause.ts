/** The text of a failure, for the peer that has to be told. */
import * as Cause from "effect/Cause"

export const errorText = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}
