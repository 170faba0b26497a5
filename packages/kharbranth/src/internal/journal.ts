/** What a connection writes to the log: few lines, at the level they deserve, without a secret. */
import * as Effect from "effect/Effect"
import type { ConnectionEvent } from "../ConnectionEvent.ts"
import type { Fibers } from "./fibers.ts"

const line = (event: ConnectionEvent): Effect.Effect<void> | undefined => {
  switch (event._tag) {
    case "DialStarted":
      return Effect.logDebug(`dialing session ${event.epoch}, attempt ${event.attempt}`)
    case "GatePassed":
      return event.gate === "Ready" ? Effect.logInfo(`session ${event.epoch} is ready`) : undefined
    case "RetryScheduled":
      return Effect.logWarning(`session lost, next dial is scheduled: ${event.cause.message}`)
    case "SuccessorFailed":
      return Effect.logWarning(`successor ${event.epoch} failed, the active session stays: ${event.error.message}`)
    case "GaveUp":
      return Effect.logError(`gave up: ${event.error.message}`)
    case "Rotated":
      return Effect.logInfo(`session ${event.to} took over from ${event.from}`)
    default:
      return undefined
  }
}

export const logEvent = (fibers: Fibers, connection: string, event: ConnectionEvent): void => {
  const effect = line(event)
  if (effect !== undefined) fibers.run(Effect.annotateLogs(effect, { connection }))
}
