/**
 * One negotiated connection, from its handshake to its end: decodes what
 * arrives, encodes and corks what leaves, holds the socket back, and keeps the
 * calls that wait for an answer. With stateful reconnect it outlives its link:
 * then it is `lost` until another link is attached.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { LinkError } from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type { Link } from "kharbranth/Transport"
import * as Handshake from "../../Handshake.ts"
import type { HandshakeFailed } from "../../HubError.ts"
import * as HubError from "../../HubError.ts"
import type { HubMessage } from "../../HubMessage.ts"
import * as HubMessages from "../../HubMessage.ts"
import type { Decoder, HubProtocol, Unencodable } from "../../HubProtocol.ts"
import { joinFrames } from "../kit/bytes.ts"
import { runInMicrotask } from "../kit/microtask.ts"
import * as waiting from "../kit/waiting.ts"
import { PendingCalls } from "./pendingCalls.ts"

/** Why we end a link: the server said goodbye, or cannot be believed. */
export type EndingError = HubError.ServerClosed | HubError.ProtocolViolation

/** Stateful reconnect, by which a channel outlives its link. */
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

/** What a channel needs of the hub connection that it belongs to. */
export interface ChannelOwner {
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
  readonly owner: ChannelOwner
}

/** An open link, with what the channel may do to it. */
export interface AttachedLink {
  readonly link: Link
  readonly canPause: boolean
  /** Whether another link can go on where this one was lost: only sockets can be followed. */
  readonly resumable: boolean
  /** A transport whose traffic shows life by itself wants no pings. */
  readonly quiet: boolean
  /** Bytes that wait unsent at which senders wait. */
  readonly high: number
  /** Ends the link with an error of ours. */
  readonly end: (error: EndingError) => void
}

/** Frames of this size leave before their turn ends: the server works on them while we write the next. */
const flushSize = 16_384

export class Channel {
  readonly options: ChannelOptions
  readonly accepted = Deferred.makeUnsafe<void, HandshakeFailed>()
  readonly pending = new PendingCalls()
  /** Programs that end with the channel: uploads. */
  readonly stops = new Set<() => void>()
  /** Set with stateful reconnect. */
  stateful: StatefulChannel | undefined
  phase: "opening" | "open" | "lost" | "over" = "opening"
  /** We are leaving: nothing that arrives counts any more. */
  stopping = false
  /** How the last link ended, when it has. */
  cause: LinkError | undefined
  #attached: AttachedLink | undefined
  #handshake: Handshake.Reader
  #decoder: Decoder
  #corked: Array<Frame> = []
  #corkedBytes = 0
  #sentAt = 0
  readonly #senders = waiting.make(() => (this.full ? undefined : Effect.void))
  #hasArrived = false
  readonly #endOfTurn = { run: () => void (this.#hasArrived = false) }
  readonly #flushing = () => this.flush()
  readonly #holds = new Set<unknown>()

  constructor(options: ChannelOptions) {
    this.options = options
    this.stateful = options.stateful?.(this)
    this.#handshake = Handshake.reader(options.connection)
    this.#decoder = options.protocol.decoder(options)
  }

  get usable(): boolean {
    return !this.stopping && (this.phase === "open" || this.phase === "lost")
  }

  get canPause(): boolean {
    return this.#attached?.canPause ?? false
  }

  get held(): boolean {
    return this.#holds.size > 0
  }

  attach(attached: AttachedLink): void {
    this.#attached = attached
    if (!attached.resumable) this.stateful = undefined
    // A half-read message of the old link has no second half.
    if (this.phase === "lost") this.#decoder = this.options.protocol.decoder(this.options)
    this.cause = undefined
    if (this.held && attached.canPause) attached.link.pause()
  }

  /** The link is gone. */
  detach(error: LinkError): void {
    if (this.phase === "over") return
    this.#attached = undefined
    this.#corked = []
    this.#corkedBytes = 0
    this.cause = error
    const resumable =
      this.stateful !== undefined &&
      this.phase === "open" &&
      !this.stopping &&
      (error._tag === "ConnectionDropped" || error._tag === "WriteError")
    if (!resumable) return this.end()
    this.stateful?.lost()
    this.phase = "lost"
    this.options.owner.ended()
  }

  /** Nothing that arrives counts any more. */
  stop(): void {
    this.stopping = true
  }

  /** Says goodbye, where the server still listens, and stops. */
  leave(): void {
    if (this.phase === "open" && !this.stopping) {
      this.send(HubMessages.close())
      this.flush()
    }
    this.stop()
  }

  /** Nothing more comes or goes. The owner fails the waiting calls, because it knows why. */
  end(): void {
    if (this.phase === "over") return
    this.phase = "over"
    for (const stop of this.stops) stop()
    this.stops.clear()
    this.wake()
    this.options.owner.ended()
  }

  /** Another link after a loss: says where we are and what may be missing. */
  resume(): void {
    if (this.phase !== "lost") return
    this.phase = "open"
    this.stateful?.resume()
    this.wake()
  }

  receive(frame: Frame): void {
    if (this.stopping || this.phase === "over") return
    if (this.phase !== "opening") {
      this.#pingOnArrival()
      return this.#decode(frame)
    }
    const step = this.#handshake.push(frame)
    if (step === undefined) return
    if (Result.isFailure(step)) {
      this.stopping = true
      Deferred.doneUnsafe(this.accepted, Effect.fail(step.failure))
      return
    }
    this.phase = "open"
    Deferred.doneUnsafe(this.accepted, Effect.void)
    if (step.success.rest !== undefined) this.#decode(step.success.rest)
  }

  /** Ends the link by an error of the hub protocol. */
  fail(error: EndingError): void {
    this.stopping = true
    this.#attached?.end(error)
  }

  #decode(frame: Frame): void {
    const { error, messages } = this.#decoder.push(frame)
    for (const message of messages) this.#accept(message)
    if (error !== undefined && !this.stopping) this.fail(error)
  }

  #accept(message: HubMessage): void {
    if (this.stopping) return
    if (this.stateful?.admits(message) === false) return
    const { connection, owner } = this.options
    if (message._tag !== "Close") return owner.message(this, message)
    const { allowReconnect, error } = message
    this.fail(new HubError.ServerClosed({ connection, error, allowReconnect }))
  }

  /** Sends a message, or keeps it for the resume. What has no wire form is reported. */
  send(message: HubMessage): Unencodable | undefined {
    const encoded = this.options.protocol.encode(message)
    if (Result.isFailure(encoded)) return encoded.failure
    if (this.stateful?.keep(message, encoded.success) !== false) this.write(encoded.success)
    return undefined
  }

  /** Sends a ping, except where traffic shows life by itself. Servers watch for silence only from the first one on. */
  ping(): void {
    if (this.#attached?.quiet === false) this.send(HubMessages.ping)
  }

  /** How long until a ping is due, in milliseconds. */
  get pingDue(): number {
    return Math.max(this.#sentAt + this.options.keepAlive - this.options.owner.now(), 0)
  }

  pingIfDue(): void {
    if (this.phase === "open" && this.pingDue === 0) this.ping()
  }

  // Timers of a page in the background are late, but what arrives is not. Once for all that arrives together.
  #pingOnArrival(): void {
    if (this.#hasArrived) return
    this.#hasArrived = true
    runInMicrotask(this.#endOfTurn)
    this.pingIfDue()
  }

  /**
   * Frames of one turn leave as few: messages end themselves, so several fit
   * into one frame, which costs both sides less than one for each.
   */
  write(frame: Frame): void {
    if (this.#attached === undefined) return
    if (this.#corked.length > 0 && (frame.length >= flushSize || typeof frame !== typeof this.#corked[0])) this.flush()
    if (this.#corked.length === 0) queueMicrotask(this.#flushing)
    this.#corked.push(frame)
    this.#corkedBytes += frame.length
    if (this.#corkedBytes >= flushSize) this.flush()
  }

  flush(): void {
    const corked = this.#corked
    const corkedBytes = this.#corkedBytes
    if (corked.length === 0) return
    this.options.owner.wrote(corked.length, corkedBytes)
    this.#corked = []
    this.#corkedBytes = 0
    this.#sentAt = this.options.owner.now()
    this.#attached?.link.write([joinFrames(corked, corkedBytes)])
  }

  /** Too much is unsent, or unconfirmed. */
  get full(): boolean {
    const attached = this.#attached
    if (this.phase === "over") return false
    if (this.stateful?.full === true) return true
    return attached !== undefined && attached.link.buffered() + this.#corkedBytes >= attached.high
  }

  /** Waits while too much is unsent, or unconfirmed. */
  readonly room: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.full) return Effect.void
    this.flush()
    return this.#senders.wait
  })

  /** Lets senders go on, when there is room. */
  wake(): void {
    this.#senders.wake()
  }

  /** Holds the socket back, where it can be. */
  hold(key: unknown): void {
    if (this.#holds.size === 0) this.#attached?.link.pause()
    this.#holds.add(key)
  }

  release(key: unknown): void {
    if (this.#holds.delete(key) && this.#holds.size === 0) this.#attached?.link.resume()
  }
}
