/** What a connection writes to the log: few lines, at the level they deserve, without a secret. */
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import type { ConnectionEvent } from "../ConnectionEvent.ts"
import type { Fibers } from "./fibers.ts"

interface Line {
  readonly level: LogLevel.Severity
  readonly text: () => string
}

const lineOf = (event: ConnectionEvent): Line | undefined => {
  switch (event._tag) {
    case "DialStarted":
      return { level: "Debug", text: () => `dialing session ${event.epoch}, attempt ${event.attempt}` }
    case "GatePassed":
      // That the first session came to be is told to whoever made the connection; a thousand of them need no thousand lines.
      return event.gate === "Ready"
        ? { level: event.epoch === 1 ? "Debug" : "Info", text: () => `session ${event.epoch} is ready` }
        : undefined
    case "RetryScheduled":
      return { level: "Warn", text: () => `session lost, next dial is scheduled: ${event.cause.message}` }
    case "SuccessorFailed":
      return {
        level: "Warn",
        text: () => `successor ${event.epoch} failed, the active session stays: ${event.error.message}`
      }
    case "GaveUp":
      return { level: "Error", text: () => `gave up: ${event.error.message}` }
    case "Rotated":
      return { level: "Info", text: () => `session ${event.to} took over from ${event.from}` }
    default:
      return undefined
  }
}

export const logEvent = (fibers: Fibers, connection: string, event: ConnectionEvent): void => {
  const line = lineOf(event)
  if (line === undefined || LogLevel.isLessThan(line.level, fibers.logLevel)) return
  fibers.run(Effect.annotateLogs(Effect.logWithLevel(line.level)(line.text()), { connection }))
}
