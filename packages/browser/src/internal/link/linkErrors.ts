/**
 * The errors that a dial or a link ends with, made from what a page is allowed
 * to see: a close event, or an error event without content.
 */
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"

/** `sentCode` is the code we put on the wire, if we have asked to close. */
export const closed = (
  dial: Dial,
  sentCode: number | undefined,
  event: { readonly code: number; readonly reason: string }
): ConnectionError.ConnectionClosed =>
  new ConnectionError.ConnectionClosed({
    connection: dial.connection,
    epoch: dial.epoch,
    code: event.code,
    reason: Redacted.make(event.reason, { label: "close reason" }),
    sentCode,
    initiator: sentCode === undefined ? "server" : "client"
  })

export const dropped = (dial: Dial, cause?: unknown): ConnectionError.ConnectionDropped =>
  new ConnectionError.ConnectionDropped({
    connection: dial.connection,
    epoch: dial.epoch,
    cause: cause === undefined ? undefined : ConnectionError.foreign(cause)
  })

export const tooLarge = (dial: Dial, size: number | undefined): ConnectionError.MessageTooLarge =>
  new ConnectionError.MessageTooLarge({
    connection: dial.connection,
    epoch: dial.epoch,
    size,
    max: dial.maxMessageSize
  })

export const writeFailed = (dial: Dial, cause: unknown): ConnectionError.WriteError =>
  new ConnectionError.WriteError({
    connection: dial.connection,
    epoch: dial.epoch,
    cause: ConnectionError.foreign(cause)
  })

export const dialFailed = (dial: Dial, kind: ConnectionError.DialFailure, cause: unknown): ConnectionError.DialFailed =>
  new ConnectionError.DialFailed({
    connection: dial.connection,
    kind,
    endpoint: ConnectionError.endpointOf(dial.url),
    cause: ConnectionError.foreign(cause)
  })

export const invalid = (
  dial: Dial,
  path: ReadonlyArray<string | number>,
  issue: string
): ConnectionError.InvalidOptions => new ConnectionError.InvalidOptions({ connection: dial.connection, path, issue })
