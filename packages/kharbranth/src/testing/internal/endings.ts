/**
 * How a link of the test network ends, as errors.
 */
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "../../ConnectionError.ts"
import type { Dial } from "../../Transport.ts"

/** What a close frame says. */
export interface CloseFrame {
  readonly code: number
  readonly reason: string
}

/** No closing handshake; `code` is what the platform calls it. */
export const dropped = ({ connection, epoch }: Dial, code?: string): ConnectionError.LinkError => {
  const cause = code === undefined ? undefined : ConnectionError.foreign({ code })
  return new ConnectionError.ConnectionDropped({ connection, epoch, cause })
}

export const closed = (
  { connection, epoch }: Dial,
  { code, reason }: CloseFrame,
  sentCode: number | undefined,
  initiator: "server" | "client"
): ConnectionError.LinkError =>
  new ConnectionError.ConnectionClosed({
    connection,
    epoch,
    code,
    reason: Redacted.make(reason),
    sentCode,
    initiator
  })

export const tooLarge = ({ connection, epoch, maxMessageSize }: Dial, size: number): ConnectionError.LinkError =>
  new ConnectionError.MessageTooLarge({ connection, epoch, size, max: maxMessageSize })
