/**
 * How to address many connections at once, and what to tell them: the control
 * channel of a `ConnectionManager` as plain data.
 *
 * @since 0.1.0
 */
import type { RestartOptions } from "./Connection.ts"
import type { ConnectionError } from "./ConnectionError.ts"
import type { ConnectionState } from "./ConnectionState.ts"
import type { Frame } from "./Message.ts"
import type * as Outbox from "./Outbox.ts"

/**
 * What an address is matched against.
 *
 * @category models
 * @since 0.1.0
 */
export interface Addressee {
  readonly name: string
  readonly tags: ReadonlyArray<string>
  readonly state: ConnectionState
}

/**
 * Which connections: one by name, several by name, all that carry a tag, or
 * all that a function accepts. Names that nobody has are an error; a tag or a
 * function may match nothing. A function that throws does not match.
 *
 * @category models
 * @since 0.1.0
 */
export type Where = string | ReadonlyArray<string> | { readonly tag: string } | ((connection: Addressee) => boolean)

/**
 * Replace the session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Restart extends RestartOptions {
  readonly _tag: "Restart"
}

/**
 * Close the connection and forget its name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Close {
  readonly _tag: "Close"
}

/**
 * Close the socket and dial no more until `Resume`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pause {
  readonly _tag: "Pause"
}

/**
 * Dial again after `Pause`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resume {
  readonly _tag: "Resume"
}

/**
 * Send a frame, past the connection's codec.
 *
 * @category models
 * @since 0.1.0
 */
export interface Send {
  readonly _tag: "Send"
  readonly frame: Frame
  readonly options?: Outbox.SendOptions | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export type Command = Restart | Close | Pause | Resume | Send

/**
 * A command and whom it is for: what the manager's `commands` and `control`
 * take.
 *
 * @category models
 * @since 0.1.0
 */
export interface Addressed {
  readonly command: Command
  /** Default: every connection. */
  readonly where?: Where | undefined
}

/**
 * What became of a command at one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly name: string
  /** `undefined` when it worked. */
  readonly error: ConnectionError | undefined
}

/**
 * Replace the session. Default: drop it, then dial.
 *
 * @category constructors
 * @since 0.1.0
 */
export const restart = (options: RestartOptions = {}): Command => ({ _tag: "Restart", ...options })

/**
 * Close the connection and forget its name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const close: Command = { _tag: "Close" }

/**
 * Close the socket and dial no more until `resume`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pause: Command = { _tag: "Pause" }

/**
 * Dial again after `pause`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resume: Command = { _tag: "Resume" }

/**
 * Send a frame, past the connection's codec.
 *
 * @example
 * ```ts
 * import * as ManagerCommand from "kharbranth/ManagerCommand"
 * import { deepStrictEqual } from "node:assert"
 *
 * const command: ManagerCommand.Addressed = { command: ManagerCommand.send("ping"), where: { tag: "spot" } }
 * deepStrictEqual(command.command, { _tag: "Send", frame: "ping", options: undefined })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const send = (frame: Frame, options?: Outbox.SendOptions): Command => ({ _tag: "Send", frame, options })
