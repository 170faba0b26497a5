/** What a real server says when a call goes wrong, word for word. */
import * as Cause from "effect/Cause"
import { BadArguments, HubException } from "./handlers.ts"

const failed = (target: string, detail = "") => `Failed to invoke '${target}' due to an error on the server.${detail}`

// Only a HubException may tell its own text.
const describe = (name: string, cause: Cause.Cause<unknown>, generic: string): string => {
  const error = Cause.squash(cause)
  if (error instanceof BadArguments) return failed(name)
  return error instanceof HubException ? `${generic} HubException: ${error.message}` : generic
}

export const noSuchMethod = (target: string): string => failed(target, " HubException: Method does not exist.")

export const isStream = (name: string): string =>
  `The client attempted to invoke the streaming '${name}' method with a non-streaming invocation.`

export const isNoStream = (name: string): string =>
  `The client attempted to invoke the non-streaming '${name}' method with a streaming invocation.`

export const methodFailed = (name: string, cause: Cause.Cause<unknown>): string =>
  describe(name, cause, `An unexpected error occurred invoking '${name}' on the server.`)

export const streamFailed = (name: string, cause: Cause.Cause<unknown>): string =>
  describe(name, cause, "An error occurred on the server while streaming results.")
