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
import * as Handshake from "../../Handshake.ts"
import type { HandshakeFailed } from "../../HubError.ts"
import * as HubError from "../../HubError.ts"
import type { HubMessage } from "../../HubMessage.ts"
import * as HubMessages from "../../HubMessage.ts"
import type { Decoder, Unencodable } from "../../HubProtocol.ts"
import { joinFrames } from "../kit/bytes.ts"
import { runInMicrotask } from "../kit/microtask.ts"
import type { Attached, ChannelOptions, StatefulChannel } from "./types.ts"
import { PendingCalls } from "./pendingCalls.ts"

/** So much leaves without waiting for the rest of its turn: the server works on it while we write the next. */
const enough = 16_384

export class Channel {
  readonly options: ChannelOptions
  readonly accepted = Deferred.makeUnsafe<void, HandshakeFailed>()
  readonly pending = new PendingCalls()
  /** Programs that end with the channel: uploads. */
  readonly stops = new Set<() => void>()
  /** With stateful reconnect, which only sockets have. */
  stateful: StatefulChannel | undefined
  phase: "opening" | "open" | "lost" | "over" = "opening"
  /** Set while we are leaving: nothing that arrives counts any more. */
  stopping = false
  /** How the last link ended, when it has. */
  cause: LinkError | undefined
  settled = false
  #attached: Attached | undefined
  #handshake: Handshake.Reader
  #decoder: Decoder
  #corked: Array<Frame> = []
  #corkedBytes = 0
  #sentAt = 0
  #waiting: Array<(go: Effect.Effect<void>) => void> = []
  #looked = false
  readonly #lookAgain = { run: () => void (this.#looked = false) }
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

  attach(attached: Attached): void {
    this.#attached = attached
    // A half-read message of the old link has no second half.
    this.#decoder = this.options.protocol.decoder(this.options)
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

  /** Nothing more comes or goes; its calls are settled by the owner, who knows why. */
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
      this.#look()
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

  /** Ends the link: the server said so, or cannot be believed. */
  fail(error: HubError.ServerClosed | HubError.ProtocolViolation): void {
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

  /** The first ping, at once: servers watch for silence only from then on. */
  greet(): void {
    if (this.#attached?.quiet === false) this.send(HubMessages.ping)
  }

  /** How long until a ping is due, in milliseconds. */
  get pingDue(): number {
    return Math.max(this.#sentAt + this.options.keepAlive - this.options.owner.now(), 0)
  }

  pingIfDue(): void {
    if (this.phase === "open" && this.pingDue === 0) this.greet()
  }

  // Pages in the background have late timers, but what arrives is not late. Once for what arrives together.
  #look(): void {
    if (this.#looked) return
    this.#looked = true
    runInMicrotask(this.#lookAgain)
    this.pingIfDue()
  }

  /**
   * Frames of one turn leave as few: messages end themselves, so several fit
   * into one frame, which costs both sides less than one for each.
   */
  write(frame: Frame): void {
    if (this.#attached === undefined) return
    if (this.#corked.length > 0 && (frame.length >= enough || typeof frame !== typeof this.#corked[0])) this.flush()
    if (this.#corked.length === 0) queueMicrotask(this.#flushing)
    this.#corked.push(frame)
    this.#corkedBytes += frame.length
    if (this.#corkedBytes >= enough) this.flush()
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
    if (!this.full) return Effect.void
    return Effect.callback<void>((resume) => {
      this.#waiting.push(resume)
      return Effect.sync(() => {
        this.#waiting = this.#waiting.filter((other) => other !== resume)
      })
    })
  })

  /** Lets senders go on, when there is room. */
  wake(): void {
    if (this.full) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume(Effect.void)
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
