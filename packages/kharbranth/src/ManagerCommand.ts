/**
 * How to address many connections at once, and what to tell them: the control
 * channel of a `ConnectionManager` as plain data.
 *
 * @since 0.1.0
 */
import type { DrainOptions, ProbeOptions, RestartOptions, RotateOptions } from "./Connection.ts"
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
 * Replace the session as the connection's `rotate` option says: by default, the
 * successor first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rotate extends RotateOptions {
  readonly _tag: "Rotate"
}

/**
 * Look whether the session is alive: one probe with a short deadline.
 *
 * @category models
 * @since 0.1.0
 */
export interface Probe extends ProbeOptions {
  readonly _tag: "Probe"
}

/**
 * Refuse new sends, flush, wait for confirmations, then close the connection
 * and forget its name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Drain extends DrainOptions {
  readonly _tag: "Drain"
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
 * Everything that can be asked of many connections at once.
 *
 * @category models
 * @since 0.1.0
 */
export type Command = Restart | Rotate | Probe | Pause | Resume | Send | Drain | Close

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
 * Replace the session as the connection's `rotate` option says. Default: the
 * successor first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rotate = (options: RotateOptions = {}): Command => ({ _tag: "Rotate", ...options })

/**
 * Look whether the session is alive: one probe with a short deadline. What is
 * dead is replaced; there is no other answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const probe = (options: ProbeOptions = {}): Command => ({ _tag: "Probe", ...options })

/**
 * Refuse new sends, flush, wait for confirmations at most this long, then close
 * the connection and forget its name. Default: 30 seconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const drain = (options: DrainOptions = {}): Command => ({ _tag: "Drain", ...options })

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
