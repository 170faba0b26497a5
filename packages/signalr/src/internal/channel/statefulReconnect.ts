/**
 * Stateful reconnect on one channel: keeps messages until the server has
 * confirmed them, confirms those that arrive, and after a loss sends the rest
 * again. Loaded by connections that ask for it.
 */
import * as Effect from "effect/Effect"
import type { Frame } from "kharbranth/Message"
import { ProtocolViolation } from "../../HubError.ts"
import type { HubMessage } from "../../HubMessage.ts"
import * as HubMessages from "../../HubMessage.ts"
import type { Channel, StatefulChannel } from "./channel.ts"
import * as messageBuffer from "./messageBuffer.ts"
import { ackDelay } from "./statefulDefaults.ts"

class Stateful implements StatefulChannel {
  full = false
  private ackArmed = false
  private readonly channel: Channel
  private readonly buffer: messageBuffer.MessageBuffer

  constructor(channel: Channel, limit: number) {
    this.channel = channel
    this.buffer = messageBuffer.make(limit)
  }

  admits(message: HubMessage): boolean {
    const verdict = this.buffer.receive(message)
    this.scheduleAck()
    if (verdict === "release") {
      this.full = false
      this.channel.wake()
    }
    if (verdict === "tooHigh") {
      const { connection, protocol } = this.channel.options
      const issue = "its Sequence counts messages that never came"
      this.channel.fail(new ProtocolViolation({ connection, protocol: protocol.name, issue }))
    }
    return verdict === "deliver"
  }

  keep(message: HubMessage, frame: Frame): boolean {
    if (!HubMessages.isTracked(message)) return true
    const { wait, write } = this.buffer.send(frame)
    this.full = wait
    return write
  }

  lost(): void {
    this.buffer.lost()
  }

  resume(): void {
    const { frames, sequenceId } = this.buffer.resume()
    this.channel.send(HubMessages.sequence(sequenceId))
    for (const frame of frames) this.channel.write(frame)
    this.scheduleAck()
  }

  private scheduleAck(): void {
    if (this.ackArmed || !this.buffer.ackPending()) return
    this.ackArmed = true
    const say = () => {
      this.ackArmed = false
      const sequenceId = this.buffer.takeAck()
      if (sequenceId !== undefined && this.channel.usable) this.channel.send(HubMessages.ack(sequenceId))
    }
    this.channel.options.owner.fork(Effect.andThen(Effect.sleep(ackDelay), Effect.sync(say)))
  }
}

/** Its bound of unconfirmed messages is in bytes. */
export const make =
  (limit: number) =>
  (channel: Channel): StatefulChannel =>
    new Stateful(channel, limit)
