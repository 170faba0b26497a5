/** What a channel is made of: its surroundings, its link, and the calls that wait on it. */
import type { Frame } from "kharbranth/Message"
import type { Link } from "kharbranth/Transport"
import type * as HubError from "../../HubError.ts"
import type { HubConnectionError } from "../../HubError.ts"
import type { HubMessage, Outcome } from "../../HubMessage.ts"
import type { HubProtocol } from "../../HubProtocol.ts"
import type * as Effect from "effect/Effect"
import type { Channel } from "./channel.ts"

/** A call whose answer is awaited. Called from socket callbacks: short, and never throwing. */
export interface Pending {
  readonly id: string
  readonly item: (item: unknown) => void
  readonly done: (outcome: Outcome) => void
  readonly lost: (cause: HubConnectionError) => void
}

/** What a channel does so that it outlives its link. */
export interface StatefulChannel {
  /** Too much is unconfirmed. */
  readonly full: boolean
  /** Whether a message that arrived is for the hub. */
  readonly admits: (message: HubMessage) => boolean
  /** Keeps a message until it is confirmed; whether it is written now. */
  readonly keep: (message: HubMessage, frame: Frame) => boolean
  readonly lost: () => void
  /** Another link: says where we are, and writes what may be missing. */
  readonly resume: () => void
}

/** What a channel needs from its owner. */
export interface Owner {
  readonly message: (channel: Channel, message: HubMessage) => void
  readonly fork: (effect: Effect.Effect<unknown>) => void
  /** A frame of so many bytes arrived. */
  readonly read: (bytes: number) => void
  /** Frames were handed to the link; text is counted in UTF-16 units. */
  readonly wrote: (frames: number, bytes: number) => void
  /** Its link, or it itself, is gone. */
  readonly ended: () => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

export interface ChannelOptions {
  readonly connection: string
  readonly protocol: HubProtocol
  readonly maxMessageSize: number
  /** How long we may be silent, in milliseconds. */
  readonly keepAlive: number
  /** `undefined` when negotiation was skipped. */
  readonly connectionId: string | undefined
  /** Set with stateful reconnect. */
  readonly stateful: ((channel: Channel) => StatefulChannel) | undefined
  readonly owner: Owner
}

/** An open link, with what the channel may do to it. */
export interface Attached {
  readonly link: Link
  readonly canPause: boolean
  /** A transport whose traffic shows life by itself wants no pings. */
  readonly quiet: boolean
  /** Bytes that wait unsent at which senders wait. */
  readonly high: number
  /** Ends the link with an error of ours. */
  readonly end: (error: HubError.ServerClosed | HubError.ProtocolViolation) => void
}
