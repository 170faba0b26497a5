/**
 * One open WebSocket as a `Link`. The hot path is here: frames go straight to
 * the receiver. The first write of a turn leaves at once, the others of that turn
 * in one system call.
 *
 * Everything is in private fields, so that inspecting a link shows nothing.
 */
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Frame, LazyText } from "kharbranth/Message"
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import * as Redacted from "effect/Redacted"
import type * as Net from "node:net"
import { abnormal, isCloseCode, noStatus } from "../frames/protocol.ts"
import * as LinkErrors from "./errors.ts"
import { isOpen, type Wire, type WireOwner } from "./wire.ts"

/** How long a peer may take to hang up after both sides said goodbye, or after it broke the protocol. */
const lingerMillis = 1_000
/** How many bytes of such a peer are read and thrown away before we hang up first. */
const lingerBytes = 16 * 1_048_576

const maxReasonBytes = 123
/** The longest frame header of a client: two bytes, eight of length, four of mask. */
const maxHeaderBytes = 14

/** An upper bound of what a frame takes on the wire, without encoding it. */
const weigh = (frame: Frame): number =>
  maxHeaderBytes + (typeof frame === "string" ? frame.length * 3 : frame.byteLength)

/** A close reason may have 123 bytes; a longer one is cut between characters. */
const clampReason = (reason: string): string => {
  if (Buffer.byteLength(reason) <= maxReasonBytes) return reason
  const bytes = Buffer.from(reason)
  let end = maxReasonBytes
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString("utf8", 0, end)
}

const isSendable = (code: number): boolean => Number.isInteger(code) && isCloseCode(code)

/** Where a socket keeps its link, for the listeners that all sockets share. */
const linkKey = Symbol("kharbranth/link")

interface Owned extends Net.Socket {
  [linkKey]?: NodeLink
}

function onFinish(this: Owned): void {
  this[linkKey]?.socketFinished()
}

function onSocketError(this: Owned, error: unknown): void {
  this[linkKey]?.socketFailed(error)
}

const release = (link: NodeLink): void => link.release()

export class NodeLink implements Link, WireOwner {
  readonly protocol: string
  readonly #wire: Wire
  readonly #socket: Owned
  readonly #dial: Dial
  readonly #receiver: Receiver
  #ended = false
  /** Until the turn ends, what is written waits. */
  #held = false
  /** The high mark was reached and `drained` is owed. */
  #owed = false
  #closing = false
  #sentCode: number | undefined = undefined
  #initiator: "server" | "client" = "server"
  #broken: ConnectionError.LinkError | undefined = undefined
  #socketError: unknown = undefined
  #lingerLimit = Number.POSITIVE_INFINITY
  #linger: NodeJS.Timeout | undefined = undefined
  #onWritten: (() => void) | undefined = undefined

  constructor(wire: Wire, socket: Net.Socket, dial: Dial, receiver: Receiver) {
    this.protocol = wire.protocol
    this.#wire = wire
    this.#socket = socket
    this.#dial = dial
    this.#receiver = receiver
    this.#socket[linkKey] = this
    socket.on("finish", onFinish)
    socket.on("error", onSocketError)
  }

  // --- what the wire reports --------------------------------------------------

  text(text: string | LazyText, size: number): void {
    const receiver = this.#receiver
    if (typeof text === "string") receiver.frame(text, size)
    else receiver.lazyText!(text, size)
  }

  binary(bytes: Buffer): void {
    this.#receiver.frame(bytes, bytes.length)
  }

  pinged(payload: Buffer): void {
    // a wire gives up on a peer that lets the pongs pile up, and says nothing
    if (!this.#closing && this.#broken === undefined && !isOpen(this.#wire)) {
      this.#broken = LinkErrors.ofPingFlood(this.#dial)
    }
    this.#receiver.ping(payload)
  }

  ponged(payload: Buffer): void {
    this.#receiver.pong(payload)
  }

  failed(error: unknown): void {
    this.#break(LinkErrors.ofFrames(this.#dial, error))
  }

  closed(code: number, reason: string): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#linger)
    this.#receiver.ended(this.#ending(code, reason))
  }

  discarded(): void {
    if (this.#socket.bytesRead > this.#lingerLimit) this.#wire.terminate()
  }

  socketFailed(error: unknown): void {
    this.#socketError ??= error
  }

  /** Our side is done: all that is left is the peer's hang-up. */
  socketFinished(): void {
    this.#startLinger()
  }

  // --- as a link ----------------------------------------------------------------

  write(frames: ReadonlyArray<Frame>): number {
    const last = frames.length - 1
    let size = 0
    if (last < 0 || !this.#isOpen()) return size
    const wire = this.#wire
    try {
      // A message that is the first of its turn may be the only one: it does not wait for the turn's end.
      if (last === 0 && !this.#held) {
        size = this.#writeLast(frames[0]!)
        this.#hold()
        return size
      }
      this.#hold()
      for (let i = 0; i < last; i++) size += wire.sendFrame(frames[i]!)
      size += this.#writeLast(frames[last]!)
    } catch (error) {
      this.#break(LinkErrors.ofWrite(this.#dial, error))
    }
    return size
  }

  ping(payload: Uint8Array): void {
    if (!this.#isOpen()) return
    try {
      this.#wire.sendPing(payload, this.#owed ? this.#watch() : undefined)
    } catch (error) {
      this.#break(LinkErrors.ofWrite(this.#dial, error))
    }
  }

  buffered(): number {
    return this.#ended ? 0 : this.#wire.bufferedAmount
  }

  received(): number {
    return this.#socket.bytesRead
  }

  pause(): void {
    if (this.#isOpen()) this.#wire.pause()
  }

  resume(): void {
    if (!this.#ended) this.#wire.resume()
  }

  close(code: number, reason: string): void {
    if (!this.#isOpen()) return
    this.#closing = true
    this.#initiator = "client"
    // a paused socket would never see the peer's answer
    this.#wire.resume()
    if (isSendable(code)) {
      this.#sentCode = code
      this.#wire.close(code, clampReason(reason))
    } else {
      this.#wire.close()
    }
  }

  terminate(): void {
    if (this.#ended) return
    this.#closing = true
    this.#wire.terminate()
  }

  #isOpen(): boolean {
    return !this.#ended && isOpen(this.#wire)
  }

  // Only a write that may reach the high mark, or one after it did, pays for a callback.
  #writeLast(frame: Frame): number {
    const wire = this.#wire
    const { high } = this.#dial.writeMark
    const near = this.#owed || wire.bufferedAmount + weigh(frame) >= high
    if (!near) return wire.sendFrame(frame)
    const size = wire.sendFrame(frame, this.#watch())
    if (wire.bufferedAmount >= high) this.#owed = true
    return size
  }

  /** What hears that something has left; most links never write so much. */
  #watch(): () => void {
    if (this.#onWritten === undefined) {
      this.#onWritten = () => this.#written()
      this.#socket.on("drain", this.#onWritten)
    }
    return this.#onWritten
  }

  #written(): void {
    if (!this.#owed || this.#ended || this.#wire.bufferedAmount > this.#dial.writeMark.low) return
    this.#owed = false
    this.#receiver.drained()
  }

  #hold(): void {
    if (this.#held) return
    this.#held = true
    this.#wire.hold()
    process.nextTick(release, this)
  }

  release(): void {
    this.#held = false
    this.#wire.release()
  }

  #break(error: ConnectionError.LinkError): void {
    this.#broken ??= error
    if (isOpen(this.#wire)) this.#wire.terminate()
    else this.#startLinger()
  }

  #startLinger(): void {
    if (this.#ended || this.#linger !== undefined) return
    this.#wire.resume()
    // real sockets live in real time, whatever clock the program has
    // oxlint-disable-next-line effecttsgo/global-timers
    this.#linger = setTimeout(() => this.#wire.terminate(), lingerMillis)
    this.#lingerLimit = this.#socket.bytesRead + lingerBytes
    this.#socket.on("data", () => this.discarded())
  }

  #ending(code: number, reason: string): ConnectionError.LinkError {
    if (this.#broken !== undefined) return this.#broken
    if (code === abnormal) {
      return this.#socketError === undefined
        ? LinkErrors.ofDrop(this.#dial, undefined)
        : LinkErrors.ofSocket(this.#dial, this.#socketError)
    }
    const echoed = code === noStatus ? undefined : code
    return new ConnectionError.ConnectionClosed({
      connection: this.#dial.connection,
      epoch: this.#dial.epoch,
      code,
      reason: Redacted.make(reason),
      sentCode: this.#initiator === "client" ? this.#sentCode : echoed,
      initiator: this.#initiator
    })
  }
}
