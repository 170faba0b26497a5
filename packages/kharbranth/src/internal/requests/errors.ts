/** How a call can fail beyond its connection; `Requests` exports these. */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type { ForeignCause } from "../../ConnectionError.ts"

export class RequestTimeout extends Data.TaggedError("RequestTimeout")<{
  readonly connection: string
  readonly id: number
  readonly after: Duration.Duration
  /** Whether it had been handed to a socket. */
  readonly sent: boolean
}> {
  override get message(): string {
    const where = this.sent ? "was sent and got no reply" : "found no session to be sent by"
    return `Connection "${this.connection}": request ${this.id} ${where} within ${Duration.format(this.after)}.`
  }
}

export class SessionLost extends Data.TaggedError("SessionLost")<{
  readonly connection: string
  readonly id: number
  /** The session that ended. */
  readonly epoch: number
  /** How often it had been replayed. */
  readonly replays: number
}> {
  override get message(): string {
    return `Connection "${this.connection}": session ${this.epoch} ended before request ${this.id} got its reply (${this.replays} replays). If the request is idempotent, set \`onLoss: { replay: n }\`.`
  }
}

export class TooManyRequests extends Data.TaggedError("TooManyRequests")<{
  readonly connection: string
  readonly pending: number
}> {
  override get message(): string {
    return `Connection "${this.connection}": ${this.pending} requests wait for their replies. Call slower, or raise \`maxPending\`.`
  }
}

export class ReplyMismatch extends Data.TaggedError("ReplyMismatch")<{
  readonly connection: string
  /** Which method it answers. */
  readonly method: string
  /** What does not fit, and at which field. */
  readonly issue: string
  readonly cause: ForeignCause
}> {
  override get message(): string {
    return `Connection "${this.connection}": the reply of "${this.method}" does not fit: ${this.issue}.`
  }
}
