/**
 * The nine messages of the hub protocol, as plain data. Both encodings (JSON
 * and MessagePack) read and write exactly these values; nothing here knows how
 * they look on the wire.
 *
 * @since 0.1.0
 */

/**
 * Free-form names and values that may travel beside any message but `Ping`.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageHeaders = Readonly<Record<string, string>>

/**
 * A call: client to server, or server to client. Without `invocationId` nobody
 * answers it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Invocation {
  readonly _tag: "Invocation"
  readonly invocationId: string | undefined
  readonly target: string
  readonly arguments: ReadonlyArray<unknown>
  /** The ids of the streams that the caller uploads with this call. */
  readonly streamIds: ReadonlyArray<string>
  readonly headers: MessageHeaders | undefined
}

/**
 * A call that is answered by a stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamInvocation {
  readonly _tag: "StreamInvocation"
  readonly invocationId: string
  readonly target: string
  readonly arguments: ReadonlyArray<unknown>
  readonly streamIds: ReadonlyArray<string>
  readonly headers: MessageHeaders | undefined
}

/**
 * One element of a stream, in either direction.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamItem {
  readonly _tag: "StreamItem"
  readonly invocationId: string
  readonly item: unknown
  readonly headers: MessageHeaders | undefined
}

/**
 * How a call or a stream ended: with nothing, with a value, or with an error.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Void" }
  | { readonly _tag: "Value"; readonly value: unknown }
  | { readonly _tag: "Error"; readonly error: string }

/**
 * The end of a call or a stream, in either direction.
 *
 * @category models
 * @since 0.1.0
 */
export interface Completion {
  readonly _tag: "Completion"
  readonly invocationId: string
  readonly outcome: Outcome
  readonly headers: MessageHeaders | undefined
}

/**
 * The caller no longer wants the stream (or, on servers that know it, the call).
 *
 * @category models
 * @since 0.1.0
 */
export interface CancelInvocation {
  readonly _tag: "CancelInvocation"
  readonly invocationId: string
  readonly headers: MessageHeaders | undefined
}

/**
 * A sign of life.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ping {
  readonly _tag: "Ping"
}

/**
 * The sender is about to close the connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Close {
  readonly _tag: "Close"
  readonly error: string | undefined
  readonly allowReconnect: boolean
}

/**
 * Stateful reconnect: everything up to `sequenceId` has arrived.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ack {
  readonly _tag: "Ack"
  readonly sequenceId: number
}

/**
 * Stateful reconnect: the number of the message that follows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sequence {
  readonly _tag: "Sequence"
  readonly sequenceId: number
}

/**
 * Every message of the hub protocol.
 *
 * @category models
 * @since 0.1.0
 */
export type HubMessage =
  | Invocation
  | StreamInvocation
  | StreamItem
  | Completion
  | CancelInvocation
  | Ping
  | Close
  | Ack
  | Sequence

/**
 * The number of each message on the wire.
 *
 * @category wire
 * @since 0.1.0
 */
export const typeOf = {
  Invocation: 1,
  StreamItem: 2,
  Completion: 3,
  StreamInvocation: 4,
  CancelInvocation: 5,
  Ping: 6,
  Close: 7,
  Ack: 8,
  Sequence: 9
} as const satisfies Record<HubMessage["_tag"], number>

/**
 * Whether stateful reconnect counts, keeps and replays this message: calls,
 * items, completions and cancellations, but not the connection's own talk.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTracked = (message: HubMessage): boolean => typeOf[message._tag] <= 5

/**
 * Makes a call. Without `invocationId` nobody answers it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invocation = (options: {
  readonly target: string
  readonly arguments: ReadonlyArray<unknown>
  readonly invocationId?: string | undefined
  readonly streamIds?: ReadonlyArray<string> | undefined
  readonly headers?: MessageHeaders | undefined
}): Invocation => ({
  _tag: "Invocation",
  invocationId: options.invocationId,
  target: options.target,
  arguments: options.arguments,
  streamIds: options.streamIds ?? [],
  headers: options.headers
})

/**
 * Makes a call that is answered by a stream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const streamInvocation = (options: {
  readonly invocationId: string
  readonly target: string
  readonly arguments: ReadonlyArray<unknown>
  readonly streamIds?: ReadonlyArray<string> | undefined
  readonly headers?: MessageHeaders | undefined
}): StreamInvocation => ({
  _tag: "StreamInvocation",
  invocationId: options.invocationId,
  target: options.target,
  arguments: options.arguments,
  streamIds: options.streamIds ?? [],
  headers: options.headers
})

/**
 * Makes one element of a stream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const streamItem = (invocationId: string, item: unknown, headers?: MessageHeaders): StreamItem => ({
  _tag: "StreamItem",
  invocationId,
  item,
  headers
})

/**
 * The outcome of a call that returns nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nothing: Outcome = { _tag: "Void" }

/**
 * Makes the end of a call or stream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const completion = (invocationId: string, outcome: Outcome = nothing, headers?: MessageHeaders): Completion => ({
  _tag: "Completion",
  invocationId,
  outcome,
  headers
})

/**
 * Makes a cancellation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cancelInvocation = (invocationId: string, headers?: MessageHeaders): CancelInvocation => ({
  _tag: "CancelInvocation",
  invocationId,
  headers
})

/**
 * The ping: all of them are alike.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ping: Ping = { _tag: "Ping" }

/**
 * Makes a close message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const close = (error?: string, allowReconnect = false): Close => ({ _tag: "Close", error, allowReconnect })

/**
 * Makes an acknowledgement.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ack = (sequenceId: number): Ack => ({ _tag: "Ack", sequenceId })

/**
 * Makes a sequence message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sequence = (sequenceId: number): Sequence => ({ _tag: "Sequence", sequenceId })
