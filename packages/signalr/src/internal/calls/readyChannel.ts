/**
 * The channel that calls go to, when there is one. Calls made while the
 * connection is down fail at once or wait for the next channel, in order and
 * within bounds.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { HubConnectionError } from "../../HubError.ts"
import type { Channel } from "../channel/channel.ts"
import * as waiting from "../kit/waiting.ts"

/** What waiting calls need to know of the connection's options. */
export interface QueueSettings {
  readonly connection: string
  readonly queueTimeout: Duration.Input
  readonly maxQueued: number
}

/** Where calls get their channel from: the connection's current one, or one and the same. */
export interface ChannelSource {
  /** The channel that calls go to now. */
  readonly ready: () => Channel | undefined
  /** The same, or the next one when the call may `wait` for it. */
  readonly acquire: (wait: boolean) => Effect.Effect<Channel, HubConnectionError>
}

export interface ReadyChannel extends ChannelSource {
  /** A channel is ready: waiting calls go on, in order. */
  readonly set: (channel: Channel) => void
  /** There will be none: waiting calls fail. */
  readonly refuse: (cause: HubConnectionError) => void
}

/** `down` says what a call that may not wait fails with. */
export const make = (options: QueueSettings, down: () => HubConnectionError): ReadyChannel => {
  const { connection, maxQueued, queueTimeout } = options
  let channel: Channel | undefined
  const ready = () => (channel?.usable === true ? channel : undefined)
  const found = () => {
    const now = ready()
    return now && Effect.succeed(now)
  }
  const calls = waiting.make<Channel, HubConnectionError>(found)
  const queued = Effect.timeoutOrElse(calls.wait, {
    duration: queueTimeout,
    orElse: () =>
      Effect.fail(new ConnectionError.SendExpired({ connection, ttl: Duration.fromInputUnsafe(queueTimeout) }))
  })

  return {
    ready,
    acquire: (wait) =>
      Effect.suspend((): Effect.Effect<Channel, HubConnectionError> => {
        const now = found()
        if (now !== undefined) return now
        if (!wait) return Effect.fail(down())
        const messages = calls.size()
        return messages < maxQueued
          ? queued
          : Effect.fail(new ConnectionError.OutboxFull({ connection, messages, bytes: 0 }))
      }),
    set: (next) => {
      channel = next
      calls.wake()
    },
    refuse: (cause) => calls.settle(Effect.fail(cause))
  }
}
