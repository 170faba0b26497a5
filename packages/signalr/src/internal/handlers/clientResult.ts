/** The one answer that the server gets when several handlers may have one. Loaded when a server first asks. */
import * as Exit from "effect/Exit"
import type { Outcome } from "../../HubMessage.ts"
import { errorText } from "../kit/cause.ts"

const failure = (error: string): Outcome => ({ _tag: "Error", error })

/** The server waits for exactly one result; what came last stands, unless there were two. */
export const outcomeOf = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>): Outcome => {
  const values = exits
    .filter(Exit.isSuccess)
    .map((exit) => exit.value)
    .filter((value) => value !== undefined)
  if (values.length > 1) return failure("Client provided multiple results.")
  const last = exits.at(-1)
  if (last !== undefined && Exit.isFailure(last)) return failure(errorText(last.cause))
  return values.length === 1 ? { _tag: "Value", value: values[0] } : failure("Client didn't provide a result.")
}
