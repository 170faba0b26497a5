/** What a connection writes to the log: few lines, at the level they deserve, without a secret. */
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import type { ConnectionEvent } from "../../../ConnectionEvent.ts"
import type { Fibers } from "../../kit/fibers.ts"

type Level = LogLevel.Severity

const levelOf = (event: ConnectionEvent): Level | undefined => {
  switch (event._tag) {
    case "DialStarted":
      return "Debug"
    case "GatePassed":
      // That the first session came to be is told to whoever made the connection; a thousand of them need no thousand lines.
      return event.gate !== "Ready" ? undefined : event.epoch === 1 ? "Debug" : "Info"
    case "RetryScheduled":
    case "SuccessorFailed":
      return "Warn"
    case "GaveUp":
      return "Error"
    case "Rotated":
      return "Info"
    default:
      return undefined
  }
}

const textOf = (event: ConnectionEvent): string => {
  switch (event._tag) {
    case "DialStarted":
      return `dialing session ${event.epoch}, attempt ${event.attempt}`
    case "GatePassed":
      return `session ${event.epoch} is ready`
    case "RetryScheduled":
      return `session lost, next dial is scheduled: ${event.cause.message}`
    case "SuccessorFailed":
      return `successor ${event.epoch} failed, the active session stays: ${event.error.message}`
    case "GaveUp":
      return `gave up: ${event.error.message}`
    case "Rotated":
      return `session ${event.to} took over from ${event.from}`
    default:
      return event._tag
  }
}

export const logEvent = (fibers: Fibers, connection: string, event: ConnectionEvent): void => {
  const level = levelOf(event)
  if (level === undefined || LogLevel.isLessThan(level, fibers.logLevel)) return
  fibers.run(Effect.annotateLogs(Effect.logWithLevel(level)(textOf(event)), { connection }))
}
