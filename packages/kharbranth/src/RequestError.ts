/**
 * How a request over a connection can fail, besides what its own protocol says.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type { ForeignCause, SendError } from "./ConnectionError.ts"

/**
 * No reply came in time. Whether the server acted on the request is unknown if
 * it was sent.
 *
 * @category errors
 * @since 0.1.0
 */
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

/**
 * The session that carried the request ended before a reply came, and the policy
 * allows no (further) replay. Whether the server acted on it is unknown.
 *
 * @category errors
 * @since 0.1.0
 */
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

/**
 * As many requests as allowed wait for their replies.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyRequests extends Data.TaggedError("TooManyRequests")<{
  readonly connection: string
  readonly pending: number
}> {
  override get message(): string {
    return `Connection "${this.connection}": ${this.pending} requests wait for their replies. Call slower, or raise \`maxPending\`.`
  }
}

/**
 * A reply came, and it does not match the schema of its method.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReplyMismatch extends Data.TaggedError("ReplyMismatch")<{
  readonly connection: string
  readonly issue: string
  readonly cause: ForeignCause
}> {
  override get message(): string {
    return `Connection "${this.connection}": a reply is not what its method promises: ${this.issue}.`
  }
}

/**
 * Every way a request can fail that is not the server's answer.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestError = RequestTimeout | SessionLost | TooManyRequests | SendError
