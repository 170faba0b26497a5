/** Short verbs for tests of the hub protocols. */
import * as Result from "effect/Result"
import type { Frame } from "kharbranth/Message"
import type { ProtocolViolation } from "../../src/HubError.ts"
import type { HubMessage } from "../../src/HubMessage.ts"
import type { HubProtocol } from "../../src/HubProtocol.ts"

export const encode = (protocol: HubProtocol, message: HubMessage): Frame => Result.getOrThrow(protocol.encode(message))

export const decodeAll = (protocol: HubProtocol, frames: ReadonlyArray<Frame>) => {
  const decoder = protocol.decoder({ connection: "test" })
  const messages: Array<HubMessage> = []
  let error: ProtocolViolation | undefined
  for (const frame of frames) {
    const decoded = decoder.push(frame)
    messages.push(...decoded.messages)
    error = decoded.error
  }
  return { messages, error: error ?? decoder.end() }
}

/** The violation that these frames cause; throws when they cause none. */
export const violation = (protocol: HubProtocol, ...frames: ReadonlyArray<Frame>): ProtocolViolation => {
  const { error } = decodeAll(protocol, frames)
  if (error === undefined) throw new Error("expected a violation")
  return error
}
