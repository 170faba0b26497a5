/**
 * One open `ws` socket as a `Link`. The hot path is here: frames go straight to
 * the receiver. The first write of a turn leaves at once, the others of that turn
 * in one system call.
 *
 * Everything is in private fields, so that inspecting a link shows nothing.
 */
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import * as Redacted from "effect/Redacted"
import type * as Net from "node:net"
import { WebSocket } from "ws"
import * as LinkErrors from "./errors.ts"

/** How long a peer may take to hang up after both sides said goodbye, or after it broke the protocol. */
const lingerMillis = 1_000
/** How many bytes of such a peer are read and thrown away before we hang up first. */
const lingerBytes = 16 * 1_048_576

const noStatus = 1005
const abnormal = 1006
const maxReasonBytes = 123
/** So many bytes are worth a system call of their own: the peer works on them while the turn goes on. */
const enough = 16_384
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

const isSendable = (code: number): boolean =>
  Number.isInteger(code) &&
  ((code >= 3000 && code <= 4999) ||
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== noStatus && code !== abnormal))

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

const uncork = (link: NodeLink): void => link.uncork()

export class NodeLink implements Link {
  readonly protocol: string
  readonly #ws: WebSocket
  readonly #socket: Owned
  readonly #dial: Dial
  readonly #receiver: Receiver
  #ended = false
  #corked = false
  /** The high mark was reached and `drained` is owed. */
  #owed = false
  #closing = false
  #sentCode: number | undefined = undefined
  #initiator: "server" | "client" = "server"
  #broken: ConnectionError.LinkError | undefined = undefined
  #socketError: unknown = undefined
  #linger: NodeJS.Timeout | undefined = undefined
  #onWritten: (() => void) | undefined = undefined

  constructor(ws: WebSocket, socket: Owned, dial: Dial, receiver: Receiver) {
    this.protocol = ws.protocol
    this.#ws = ws
    this.#socket = socket
    this.#dial = dial
    this.#receiver = receiver
    socket[linkKey] = this
    socket.on("finish", onFinish)
    socket.on("error", onSocketError)
  }

  // --- what the client reports ------------------------------------------------

  message(data: Buffer, isBinary: boolean): void {
    this.#receiver.frame(isBinary ? data : data.toString(), data.length)
  }

  pinged(payload: Buffer): void {
    // `ws` gives up on a peer that lets the pongs pile up, and says nothing
    if (!this.#closing && this.#broken === undefined && this.#ws.readyState !== WebSocket.OPEN) {
      this.#broken = LinkErrors.ofPingFlood(this.#dial)
    }
    this.#receiver.ping(payload)
  }

  ponged(payload: Buffer): void {
    this.#receiver.pong(payload)
  }

  failed(error: Error): void {
    this.#break(LinkErrors.ofFrames(this.#dial, error))
  }

  closed(code: number, reason: Buffer): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#linger)
    this.#receiver.ended(this.#ending(code, reason))
  }

  socketFailed(error: unknown): void {
    this.#socketError ??= error
  }

  /** Our side is done: all that is left is the peer's hang-up. */
  socketFinished(): void {
    this.#startLinger()
  }

  // --- as a link ----------------------------------------------------------------

  write(frames: ReadonlyArray<Frame>): void {
    const last = frames.length - 1
    if (last < 0 || !this.#isOpen()) return
    const ws = this.#ws
    try {
      // A message that is the first of its turn may be the only one: it does not wait for the turn's end.
      if (last === 0 && !this.#corked) {
        this.#writeLast(frames[0]!)
        return this.#cork()
      }
      this.#cork()
      for (let i = 0; i < last; i++) ws.send(frames[i]!)
      this.#writeLast(frames[last]!)
      if (this.#socket.writableLength >= enough) this.#flush()
    } catch (error) {
      this.#break(LinkErrors.ofWrite(this.#dial, error))
    }
  }

  ping(payload: Uint8Array): void {
    if (!this.#isOpen()) return
    try {
      this.#ws.ping(payload, true, this.#owed ? this.#watch() : undefined)
    } catch (error) {
      this.#break(LinkErrors.ofWrite(this.#dial, error))
    }
  }

  buffered(): number {
    return this.#ended ? 0 : this.#ws.bufferedAmount
  }

  received(): number {
    return this.#socket.bytesRead
  }

  pause(): void {
    if (this.#isOpen()) this.#ws.pause()
  }

  resume(): void {
    if (!this.#ended) this.#ws.resume()
  }

  close(code: number, reason: string): void {
    if (!this.#isOpen()) return
    this.#closing = true
    this.#initiator = "client"
    // a paused socket would never see the peer's answer
    this.#ws.resume()
    if (isSendable(code)) {
      this.#sentCode = code
      this.#ws.close(code, clampReason(reason))
    } else {
      this.#ws.close()
    }
  }

  terminate(): void {
    if (this.#ended) return
    this.#closing = true
    this.#ws.terminate()
  }

  #isOpen(): boolean {
    return !this.#ended && this.#ws.readyState === WebSocket.OPEN
  }

  // Only a write that may reach the high mark, or one after it did, pays for a callback.
  #writeLast(frame: Frame): void {
    const ws = this.#ws
    const { high } = this.#dial.writeMark
    const near = this.#owed || ws.bufferedAmount + weigh(frame) >= high
    if (!near) return ws.send(frame)
    ws.send(frame, this.#watch())
    if (ws.bufferedAmount >= high) this.#owed = true
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
    if (!this.#owed || this.#ended || this.#ws.bufferedAmount > this.#dial.writeMark.low) return
    this.#owed = false
    this.#receiver.drained()
  }

  #cork(): void {
    if (this.#corked) return
    this.#corked = true
    this.#socket.cork()
    process.nextTick(uncork, this)
  }

  #flush(): void {
    this.#socket.uncork()
    this.#socket.cork()
  }

  uncork(): void {
    this.#corked = false
    this.#socket.uncork()
  }

  #break(error: ConnectionError.LinkError): void {
    this.#broken ??= error
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.terminate()
    else this.#startLinger()
  }

  #startLinger(): void {
    if (this.#ended || this.#linger !== undefined) return
    this.#ws.resume()
    // real sockets live in real time, whatever clock the program has
    // oxlint-disable-next-line effecttsgo/global-timers
    this.#linger = setTimeout(() => this.#ws.terminate(), lingerMillis)
    const limit = this.#socket.bytesRead + lingerBytes
    this.#socket.on("data", () => {
      if (this.#socket.bytesRead > limit) this.#ws.terminate()
    })
  }

  #ending(code: number, reason: Buffer): ConnectionError.LinkError {
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
      reason: Redacted.make(reason.toString()),
      sentCode: this.#initiator === "client" ? this.#sentCode : echoed,
      initiator: this.#initiator
    })
  }
}
