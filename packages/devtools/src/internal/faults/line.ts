/**
 * What stands between a connection and its real link: the link's receiver on one
 * side, the connection's link on the other. It can go silent, be slow, or be cut.
 */
import * as Redacted from "effect/Redacted"
import { ConnectionClosed, ConnectionDropped, type LinkError } from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import { type Fork, Lane } from "./lane.ts"

/** How many frames may wait to be let in; a link that cannot be paused is cut then. */
const heldAtMost = 4_096

const sizeOf = (frames: ReadonlyArray<Frame>): number => frames.reduce((size, frame) => size + frame.length, 0)

export interface LineOptions {
  readonly dial: Dial
  readonly receiver: Receiver
  readonly canPause: boolean
  readonly now: () => number
  readonly fork: Fork
  /** It is over. */
  readonly left: (line: Line) => void
}

export class Line implements Link {
  readonly dial: Dial
  /** What the real link delivers to. */
  readonly receiver: Receiver
  private readonly options: LineOptions
  private readonly inward: Lane
  private readonly outward: Lane
  private link: Link | undefined
  private isOver = false
  private isHalfOpen = false
  private isPaused = false
  private wasHigh = false

  constructor(options: LineOptions) {
    this.options = options
    this.dial = options.dial
    this.inward = new Lane(options.now, options.fork)
    this.outward = new Lane(options.now, options.fork)
    this.receiver = this.receiving()
  }

  /** The real link is open. */
  connect(link: Link): void {
    this.link = link
  }

  get isConnected(): boolean {
    return this.link !== undefined && !this.isOver
  }

  // --- faults ------------------------------------------------------------------

  /** Nothing passes in either direction any more, and nobody is told. */
  halfOpen(): void {
    this.isHalfOpen = true
    this.inward.hold()
    this.outward.hold()
    if (this.options.canPause) this.link?.pause()
  }

  slow(millis: number): void {
    this.inward.delay = millis
    this.outward.delay = millis
  }

  /** Passes everything on again, what was held back first. */
  heal(): void {
    const wasHalfOpen = this.isHalfOpen
    this.isHalfOpen = false
    this.outward.release()
    this.drained()
    if (wasHalfOpen && this.options.canPause && !this.isPaused) this.link?.resume()
    this.inward.release()
  }

  /** The socket is gone, without a word. */
  cut(): void {
    const { connection, epoch } = this.dial
    this.fail(new ConnectionDropped({ connection, epoch, cause: undefined }))
  }

  /** The server has closed it. */
  closed(code: number): void {
    const { connection, epoch } = this.dial
    const reason = Redacted.make("")
    this.fail(new ConnectionClosed({ connection, epoch, code, reason, sentCode: code, initiator: "server" }))
  }

  private fail(error: LinkError): void {
    this.end(error)
    this.link?.terminate()
  }

  private end(error: LinkError): void {
    if (this.isOver) return
    this.isOver = true
    this.inward.drop()
    this.outward.drop()
    this.options.left(this)
    this.options.receiver.ended(error)
  }

  /** Its scope is closed: whatever waits is nobody's. */
  forget(): void {
    this.isOver = true
    this.inward.drop()
    this.outward.drop()
    this.options.left(this)
  }

  // --- what the real link delivers ---------------------------------------------

  private receiving(): Receiver {
    const { receiver } = this.options
    const pass = (size: number, run: () => void): void => {
      if (this.isOver) return
      this.inward.pass(size, () => {
        if (!this.isOver) run()
      })
      if (this.inward.length > heldAtMost) this.cut()
    }
    const { dialPhase, lazyText, reached } = receiver
    return {
      frame: (frame, size) => pass(size, () => receiver.frame(frame, size)),
      ping: (payload) => pass(0, () => receiver.ping(payload)),
      pong: (payload) => pass(0, () => receiver.pong(payload)),
      drained: () => pass(0, () => receiver.drained()),
      ended: (error) => pass(0, () => this.end(error)),
      ...(lazyText === undefined
        ? {}
        : { lazyText: (text, size) => pass(size, () => lazyText.call(receiver, text, size)) }),
      ...(reached === undefined ? {} : { reached: () => pass(0, () => reached.call(receiver)) }),
      ...(dialPhase === undefined ? {} : { dialPhase: (phase) => dialPhase.call(receiver, phase) })
    }
  }

  // --- what the connection does with its link ----------------------------------

  get protocol(): string {
    return this.link?.protocol ?? ""
  }

  write(frames: ReadonlyArray<Frame>): void {
    this.outward.pass(sizeOf(frames), () => {
      this.link?.write(frames)
      this.drained()
    })
    if (this.buffered() >= this.dial.writeMark.high) this.wasHigh = this.outward.length > 0
  }

  ping(payload: Uint8Array): void {
    this.outward.pass(0, () => this.link?.ping(payload))
  }

  buffered(): number {
    return (this.link?.buffered() ?? 0) + this.outward.bytes
  }

  /** The link itself reports what it has written; what was held back here it knows nothing of. */
  private drained(): void {
    if (!this.wasHigh || this.outward.length > 0 || (this.link?.buffered() ?? 0) >= this.dial.writeMark.high) return
    this.wasHigh = false
    if (!this.isOver) this.options.receiver.drained()
  }

  received(): number {
    return this.link?.received() ?? 0
  }

  pause(): void {
    this.isPaused = true
    this.link?.pause()
  }

  resume(): void {
    this.isPaused = false
    if (!this.isHalfOpen) this.link?.resume()
  }

  close(code: number, reason: string): void {
    this.outward.pass(0, () => this.link?.close(code, reason))
  }

  terminate(): void {
    // The real link's end would be held back: nobody waits for a peer any more.
    this.inward.drop()
    this.inward.release()
    this.outward.drop()
    this.link?.terminate()
  }
}
