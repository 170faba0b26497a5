/**
 * A WebSocket on an upgraded socket, without compression: reads and writes its
 * frames, answers pings, and leads the closing handshake (RFC 6455, sections 5.5
 * and 7). It owns the socket.
 */
import type { Frame, LazyText } from "kharbranth/Message"
import type * as Net from "node:net"
import { FrameReader, type FrameReceiver } from "../frames/frameReader.ts"
import { allocate, encode, type Memory, payloadOf, roomFor } from "../frames/frameWriter.ts"
import { abnormal, maxControlPayload, noStatus, opcodes } from "../frames/protocol.ts"
import { statusOf, type Violation } from "../frames/violation.ts"
import { readerKey, type ReadSocket } from "./sharedRead.ts"
import { enough, type Wire, type WireOwner } from "./wire.ts"

const open = 1
const closing = 2
const closed = 3
/** Pongs that the peer has not read. One that lets more pile up is cut off. */
const maxUnsentPongs = 60
/** How long a closing handshake may take; one that the core began has an earlier deadline. */
const closeMillis = 30_000
/** Frames that leave at once share pieces of memory of this size. */
const poolSize = 65_536

const empty = Buffer.alloc(0)
let pool: Memory | undefined
let poolAt = 0

const smallestHeld = 2_048
/** Room for all that is enough to leave at once, and one short frame more. */
const largestSpare = 2 * enough
/** Memory for held frames that no socket has: it serves all whose writes leave at once. */
let spare: Memory | undefined

const takeMemory = (size: number): Memory => {
  const memory = spare
  if (memory === undefined || memory.bytes.length < size) return allocate(Math.max(size, smallestHeld))
  spare = undefined
  return memory
}

const giveBack = (memory: Memory): void => {
  const { length } = memory.bytes
  if (length <= largestSpare && length > (spare?.bytes.length ?? 0)) spare = memory
}

/** One frame in memory that no other frame uses. */
const encodeAlone = (opcode: number, payload: Frame): Buffer => {
  const room = roomFor(payload)
  const own = room > poolSize >> 2
  if (!own && (pool === undefined || poolAt + room > poolSize)) {
    pool = allocate(poolSize)
    poolAt = 0
  }
  const memory = own ? allocate(room) : pool!
  const at = own ? 0 : poolAt
  const end = encode(memory, at, opcode, payload)
  if (!own) poolAt = (end + 3) & ~3
  return memory.bytes.subarray(at, end)
}

const closePayload = (code: number, reason: string): Buffer => {
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(reason))
  payload.writeUInt16BE(code, 0)
  payload.write(reason, 2)
  return payload
}

/** The listeners that all sockets share find the wire by its socket. */
interface Owned extends ReadSocket {
  [readerKey]?: FrameSocket
}

function onData(this: Owned, chunk: Buffer): void {
  this[readerKey]?.read(chunk)
}

function onEnd(this: Owned): void {
  this[readerKey]?.halfClosed()
}

function onClose(this: Owned): void {
  this[readerKey]?.gone()
}

function onError(this: Owned): void {
  this[readerKey]?.terminate()
}

export class FrameSocket implements Wire, FrameReceiver {
  readonly protocol: string
  readyState = open
  private readonly socket: Owned
  private readonly reader: FrameReader
  private owner: WireOwner | undefined = undefined
  private reading = false
  private paused = false
  /** The pause has reached the socket. */
  private stopped = false
  private holding = false
  /** Frames that wait for `release`. */
  private held: Memory | undefined = undefined
  private heldBytes = 0
  private onWritten: (() => void) | undefined = undefined
  private heldPongs = 0
  private unsentPongs = 0
  private closeCode = abnormal
  private closeReason = ""
  private closeTimer: NodeJS.Timeout | undefined = undefined

  constructor(socket: Net.Socket, protocol: string, maxMessageSize: number, lazyText: boolean) {
    this.socket = socket
    this.protocol = protocol
    this.reader = new FrameReader(this, maxMessageSize, lazyText)
  }

  /** Begins to read: first `head`, which came with the upgrade. */
  start(owner: WireOwner, head: Buffer): void {
    const { socket } = this
    this.owner = owner
    socket[readerKey] = this
    socket.setTimeout(0)
    socket.setNoDelay()
    if (head.length > 0) socket.unshift(head)
    socket.on("data", onData)
    socket.on("end", onEnd)
    socket.on("close", onClose)
    socket.on("error", onError)
  }

  get bufferedAmount(): number {
    return this.socket.writableLength + this.heldBytes
  }

  // --- what the socket reports ------------------------------------------------

  /** Whether the socket may go on: after a pause in the turn of the upgrade Node reads once more. */
  read(bytes: Buffer): boolean {
    if (this.reader.over) this.owner?.discarded()
    else {
      this.reading = true
      this.reader.read(bytes)
      this.reading = false
    }
    return !this.stopped
  }

  /** The peer sends no more: without a close frame it has dropped the connection. */
  halfClosed(): void {
    if (this.readyState === open) this.readyState = closing
    this.release()
    this.socket.end()
  }

  gone(): void {
    const { socket } = this
    if (this.readyState === closed) return
    // what a paused socket had read before it went
    const left: unknown = socket.readableLength > 0 ? socket.read(socket.readableLength) : null
    this.readyState = closing
    if (left instanceof Buffer) this.reader.read(left)
    this.readyState = closed
    clearTimeout(this.closeTimer)
    this.owner?.closed(this.closeCode, this.closeReason)
  }

  // --- what the reader reports ------------------------------------------------

  text(text: string | LazyText, size: number): void {
    this.owner!.text(text, size)
  }

  binary(bytes: Buffer): void {
    this.owner!.binary(bytes)
  }

  ping(payload: Buffer): void {
    if (this.readyState === open) this.answer(payload)
    this.owner!.pinged(payload)
  }

  pong(payload: Buffer): void {
    this.owner!.ponged(payload)
  }

  closed(code: number, reason: string): void {
    this.closeCode = code
    this.closeReason = reason
    // what follows a close frame is read and forgotten
    this.resume()
    if (code === noStatus) this.close()
    else this.close(code, reason)
    this.socket.end()
  }

  violated(violation: Violation): void {
    this.close(statusOf(violation))
    this.socket.end()
    this.owner!.failed({ code: violation })
  }

  // --- as a wire ----------------------------------------------------------------

  sendFrame(frame: Frame, onWritten?: () => void): number {
    return this.write(typeof frame === "string" ? opcodes.text : opcodes.binary, frame, onWritten)
  }

  sendPing(payload: Uint8Array, onWritten?: () => void): void {
    if (payload.length > maxControlPayload) throw new RangeError("A ping carries at most 125 bytes")
    this.write(opcodes.ping, payload, onWritten)
  }

  hold(): void {
    this.holding = true
  }

  release(): void {
    this.holding = false
    this.flush()
  }

  /**
   * A waiting reader takes what a read brought in the same turn, and resumes. A
   * pause during a read waits until then: most of them end without a system call.
   */
  pause(): void {
    if (this.paused) return
    this.paused = true
    if (this.reading) queueMicrotask(() => this.stop())
    else this.stop()
  }

  resume(): void {
    this.paused = false
    if (!this.stopped) return
    this.stopped = false
    this.socket.resume()
  }

  close(code?: number, reason = ""): void {
    if (this.readyState !== open) return
    this.readyState = closing
    this.write(opcodes.close, code === undefined ? empty : closePayload(code, reason))
    this.release()
    // real sockets live in real time, whatever clock the program has
    // oxlint-disable-next-line effecttsgo/global-timers
    this.closeTimer = setTimeout(() => this.socket.destroy(), closeMillis)
  }

  terminate(): void {
    if (this.readyState === closed) return
    this.readyState = closing
    this.held = undefined
    this.heldBytes = 0
    this.socket.destroy()
  }

  /** Stops the socket, if nobody has resumed it by now. */
  private stop(): void {
    if (!this.paused || this.stopped) return
    this.stopped = true
    this.socket.pause()
  }

  // --- writing ------------------------------------------------------------------

  /** How many bytes of payload were written. */
  private write(opcode: number, payload: Frame, onWritten?: () => void): number {
    if (!this.holding) {
      const frame = encodeAlone(opcode, payload)
      this.socket.write(frame, onWritten)
      return payloadOf(frame.length)
    }
    if (onWritten !== undefined) this.onWritten = onWritten
    const start = this.heldBytes
    this.heldBytes = encode(this.makeRoom(roomFor(payload)), start, opcode, payload)
    const size = payloadOf(this.heldBytes - start)
    if (this.heldBytes >= enough) this.flush()
    return size
  }

  /** Memory with room behind what is held. */
  private makeRoom(room: number): Memory {
    const { held, heldBytes } = this
    const size = heldBytes + room
    if (held !== undefined && held.bytes.length >= size) return held
    const memory = takeMemory(held === undefined ? size : Math.max(size, 2 * held.bytes.length))
    if (held !== undefined) held.bytes.copy(memory.bytes, 0, 0, heldBytes)
    this.held = memory
    return memory
  }

  private flush(): void {
    const { held, heldBytes, heldPongs, onWritten } = this
    if (held === undefined) return
    this.held = undefined
    this.heldBytes = 0
    this.heldPongs = 0
    this.onWritten = undefined
    const bytes = held.bytes.subarray(0, heldBytes)
    const done = heldPongs === 0 ? onWritten : () => this.pongsLeft(heldPongs, onWritten)
    this.socket.write(bytes, done)
    // What has left is the system's: the memory serves again.
    if (this.socket.writableLength === 0) giveBack(held)
  }

  private pongsLeft(count: number, onWritten: (() => void) | undefined): void {
    this.unsentPongs -= count
    onWritten?.()
  }

  private answer(payload: Buffer): void {
    if (this.unsentPongs >= maxUnsentPongs) return this.terminate()
    this.unsentPongs += 1
    if (this.holding) this.heldPongs += 1
    this.write(opcodes.pong, payload, this.holding ? undefined : () => (this.unsentPongs -= 1))
  }
}
