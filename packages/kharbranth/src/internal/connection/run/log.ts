/** What a connection writes to the log: a line for each fact, at the level it deserves, without a secret. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import type { ConnectionEvent } from "../../../ConnectionEvent.ts"
import type { Fibers } from "../../kit/fibers.ts"

type Line = readonly [LogLevel.Severity, string]

/** Which attempt follows, and when. */
export const nextAttempt = (attempt: number, millis: number): string =>
  `attempt ${attempt + 1} follows in ${(Math.max(0, millis) / 1_000).toFixed(1)}s`

export class Log {
  private readonly fibers: Fibers
  private readonly connection: string
  /** The session that is Ready. */
  private live: number | undefined
  /** The session that was Ready last, and is lost. */
  private lost: number | undefined
  /** The attempt of the latest dial. */
  private attempt = 0

  constructor(fibers: Fibers, connection: string) {
    this.fibers = fibers
    this.connection = connection
  }

  event(event: ConnectionEvent): void {
    const line = this.lineOf(event)
    if (line !== undefined) this.write(line)
  }

  /** The session that messages flowed through is over. */
  interrupted(epoch: number): void {
    this.live = undefined
    this.lost = epoch
  }

  write([level, text]: Line): void {
    if (LogLevel.isLessThan(level, this.fibers.logLevel)) return
    const { connection } = this
    this.fibers.run(Effect.annotateLogs(Effect.logWithLevel(level)(text), { connection }))
  }

  private lineOf(event: ConnectionEvent): Line | undefined {
    switch (event._tag) {
      case "DialStarted":
        this.attempt = event.attempt
        return ["Debug", `attempt ${event.attempt}: dialing session ${event.epoch} (${event.role})`]
      case "GatePassed":
        return event.gate === "Ready" ? this.ready(event.epoch) : undefined
      case "RetryScheduled": {
        const { attempt, cause, delay } = event
        const over =
          "epoch" in cause && cause.epoch === this.lost ? `session ${this.lost} is lost` : `attempt ${attempt} failed`
        return ["Warn", `${over}, ${nextAttempt(attempt, Duration.toMillis(delay))}: ${cause.message}`]
      }
      case "RestartRequested": {
        const { by, mode, reason } = event
        // A rotation that is due is no news; that it took place is.
        const level = by === "auto" && mode === "makeFirst" ? "Debug" : "Info"
        return [level, `${by === "auto" ? "restarts by itself" : "restarts as asked"} (${mode}): ${reason}`]
      }
      case "SuccessorFailed":
        return ["Warn", `successor ${event.epoch} failed, session ${this.live} stays: ${event.error.message}`]
      case "RotationDeferred": {
        const { delay, epoch, reason } = event
        const wait = Duration.format(delay)
        return ["Warn", `session ${epoch} is to be replaced (${reason}), but was not Stable yet: in ${wait}`]
      }
      case "GaveUp":
        return ["Error", `gave up: ${event.error.message}`]
      case "Rotated":
        return ["Info", `session ${event.to} took over from ${event.from}`]
      default:
        return undefined
    }
  }

  private ready(epoch: number): Line | undefined {
    const isSuccessor = this.live !== undefined
    this.live = epoch
    // `Rotated` says it.
    if (isSuccessor) return undefined
    // The program that makes a connection sees it become ready; a thousand connections would log a thousand lines.
    const level = epoch === 1 ? "Debug" : "Info"
    return [
      level,
      `${this.lost === undefined ? "ready" : "ready again"} at attempt ${this.attempt}, as session ${epoch}`
    ]
  }
}
