/**
 * The channels of one hub connection, from their session to their end. When the
 * core reports how a session ended, that is the cause with which the calls of
 * its channel fail.
 */
import * as ConnectionError from "kharbranth/ConnectionError"
import type { ConnectionState } from "kharbranth/ConnectionState"
import type { HubConnectionError } from "../../HubError.ts"
import type { ReadyChannel } from "../calls/readyChannel.ts"
import type { Channel } from "../channel/channel.ts"
import * as errors from "./errors.ts"

export interface Channels {
  readonly add: (channel: Channel) => void
  /** Whether a channel waits for another link. */
  readonly isLost: () => boolean
  /** Fails the calls of channels that are over, and those that wait for a channel which will not come. */
  readonly follow: (state: ConnectionState) => void
  /** Ends every channel and fails every call. */
  readonly end: () => void
}

export const notConnected = (connection: string, state: string) =>
  new ConnectionError.NotConnected({ connection, state })

const causeOf = (connection: string, state: ConnectionState, channel: Channel): HubConnectionError => {
  switch (state._tag) {
    case "Reconnecting":
      return errors.lossOf(state.cause)
    case "Failed":
      return errors.lossOf(state.error)
    case "Disconnected":
    case "Closing":
      return notConnected(connection, state._tag)
    default:
      return channel.cause === undefined ? notConnected(connection, state._tag) : errors.unwrap(channel.cause)
  }
}

export const make = (connection: string, current: ReadyChannel): Channels => {
  const channels = new Set<Channel>()

  const follow = (state: ConnectionState) => {
    const final = state._tag === "Failed" || state._tag === "Disconnected" || state._tag === "Closing"
    for (const channel of channels) {
      if (final && channel.phase === "lost") channel.end()
      if (channel.phase !== "over") continue
      channels.delete(channel)
      const cause = causeOf(connection, state, channel)
      for (const call of channel.pending.all()) call.lost(cause)
    }
    if (state._tag === "Failed") current.refuse(errors.unwrap(state.error))
    if (state._tag === "Disconnected" && state.reason === "Closed") current.refuse(notConnected(connection, "Closed"))
  }

  return {
    follow,
    add: (channel) => channels.add(channel),
    isLost: () => [...channels].some((channel) => channel.phase === "lost"),
    end: () => {
      for (const channel of channels) channel.end()
      follow({ _tag: "Disconnected", reason: "Closed" })
    }
  }
}
