/** What a connection writes to the log: few lines, at the level they deserve, without a secret. */
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import type { ConnectionEvent } from "../../../ConnectionEvent.ts"
import type { Fibers } from "../../kit/fibers.ts"

type Line = readonly [LogLevel.Severity, string]

const lineOf = (event: ConnectionEvent): Line | undefined => {
  switch (event._tag) {
    case "DialStarted":
      return ["Debug", `dialing session ${event.epoch}, attempt ${event.attempt}`]
    case "GatePassed":
      // The program that makes a connection sees it become ready; a thousand connections would log a thousand lines.
      return event.gate === "Ready"
        ? [event.epoch === 1 ? "Debug" : "Info", `session ${event.epoch} is ready`]
        : undefined
    case "RetryScheduled":
      return ["Warn", `session lost, next dial is scheduled: ${event.cause.message}`]
    case "SuccessorFailed":
      return ["Warn", `successor ${event.epoch} failed, the active session stays: ${event.error.message}`]
    case "GaveUp":
      return ["Error", `gave up: ${event.error.message}`]
    case "Rotated":
      return ["Info", `session ${event.to} took over from ${event.from}`]
    default:
      return undefined
  }
}

export const logEvent = (fibers: Fibers, connection: string, event: ConnectionEvent): void => {
  const line = lineOf(event)
  if (line === undefined || LogLevel.isLessThan(line[0], fibers.logLevel)) return
  fibers.run(Effect.annotateLogs(Effect.logWithLevel(line[0])(line[1]), { connection }))
}
