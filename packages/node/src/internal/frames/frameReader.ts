/**
 * Reads what a server sends (RFC 6455, section 5) without an extension: cuts the
 * bytes of a socket into frames, checks them and passes messages on. Frames that
 * lie whole in what the socket delivered are read where they lie; one that spans
 * several reads is gathered first.
 *
 * Text is checked and decoded in runs: many short messages that came together
 * cost one check for ASCII and one string, of which each message is a slice.
 */
import type { LazyText } from "kharbranth/Message"
import { isAscii, isUtf8 } from "node:buffer"
import { Gathered } from "./gathered.ts"
import { BytesText, keep } from "./lazyText.ts"
import { finBit, isCloseCode, maskBit, maxControlPayload, noStatus, opcodes } from "./protocol.ts"
import type { Violation } from "./violation.ts"

/** What a reader reports to, in the order of the frames. After `closed` or `violated` comes nothing. */
export interface FrameReceiver {
  text(text: string | LazyText, size: number): void
  binary(bytes: Buffer): void
  ping(payload: Buffer): void
  pong(payload: Buffer): void
  closed(code: number, reason: string): void
  violated(violation: Violation): void
}

const rsv1Bit = 0x40
const otherRsvBits = 0x30
const opcodeBits = 0x0f
const lengthBits = 0x7f
const length16 = 126
const length64 = 127
/** The upper half of a length of 64 bits that JavaScript still counts exactly. */
const maxUpperHalf = 2 ** 21 - 1
/** Fragments of one message: empty ones cost time, and no limit in bytes stops them. */
const maxFragments = 16_384
/** The longest run of texts. A text that is kept for long keeps its run alive. */
const maxRun = 4_096

/**
 * Where the texts of a run begin and end. All readers share this memory: a run
 * is over before the read that it came with, and a socket's reads do not nest.
 */
const starts = new Int32Array(maxRun)
const ends = new Int32Array(maxRun)

/** Replaced for the first bytes that have to be gathered: most sockets never have any. */
const nothing = new Gathered()

export class FrameReader {
  private readonly receiver: FrameReceiver
  private readonly maxMessageSize: number
  /** Texts beyond ASCII are passed on as bytes, copied run by run: their strings cost more than the copy. */
  private readonly lazyText: boolean
  /** The peer's last frame has been read, or its first wrong one. */
  over = false
  /** What the last read ended with: a part of a frame. */
  private rest = nothing
  /** How many bytes of that frame there must be before it is looked at again. */
  private needed = 0
  /** The opcode of the message whose fragments are coming in; 0 if none is. */
  private fragmented = 0
  private fragments = 0
  private message = nothing
  /** How many texts the run has. */
  private run = 0

  constructor(receiver: FrameReceiver, maxMessageSize: number, lazyText = false) {
    this.receiver = receiver
    this.lazyText = lazyText
    this.maxMessageSize = maxMessageSize
  }

  /** Reads what a socket delivered. The reader may change the bytes, and keeps none of them. */
  read(chunk: Buffer): void {
    let at = this.rest.length === 0 ? 0 : this.resume(chunk)
    while (!this.over && at < chunk.length) {
      const end = this.frame(chunk, at)
      if (end === at) break
      at = end
    }
    this.endRun(chunk)
    if (this.over || at === chunk.length) return
    if (this.rest === nothing) this.rest = new Gathered()
    this.rest.add(chunk, at, chunk.length)
  }

  /** Completes the frame that the last read ended in. Returns how much of `chunk` it took. */
  private resume(chunk: Buffer): number {
    const { rest } = this
    let at = 0
    while (!this.over && rest.length > 0) {
      const to = Math.min(chunk.length, at + this.needed - rest.length)
      rest.add(chunk, at, to)
      at = to
      if (rest.length < this.needed) break
      const { bytes } = rest
      if (this.frame(bytes, 0) > 0) rest.take()
      this.endRun(bytes)
    }
    return at
  }

  /** Reads the frame at `at`. Returns where it ends, or `at` if it is not there to its end. */
  private frame(bytes: Buffer, at: number): number {
    const there = bytes.length - at
    if (there < 2) return this.wait(at, 2)
    const first = bytes[at]!
    const second = bytes[at + 1]!
    const flaw = this.flawOf(first, second)
    if (flaw !== undefined) return this.violate(bytes, at, flaw)
    let size = second & lengthBits
    let start = at + 2
    if (size === length16) {
      if (there < 4) return this.wait(at, 4)
      size = bytes.readUInt16BE(start)
      start += 2
    } else if (size === length64) {
      if (there < 10) return this.wait(at, 10)
      const upper = bytes.readUInt32BE(start)
      if (upper > maxUpperHalf) return this.violate(bytes, at, "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH")
      size = upper * 2 ** 32 + bytes.readUInt32BE(start + 4)
      start += 8
    }
    const opcode = first & opcodeBits
    const isData = opcode < opcodes.close
    if (isData && this.message.length + size > this.maxMessageSize) {
      return this.violate(bytes, at, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH")
    }
    const end = start + size
    if (end > bytes.length) return this.wait(at, end - at)
    if (first === (finBit | opcodes.text)) this.addToRun(bytes, at, start, end)
    else {
      this.endRun(bytes)
      if (this.over) return end
      if (!isData) this.control(opcode, Buffer.from(bytes.subarray(start, end)))
      else if (first === (finBit | opcodes.binary)) this.receiver.binary(Buffer.from(bytes.subarray(start, end)))
      else this.fragment(first, bytes, start, end)
    }
    return end
  }

  private wait(at: number, needed: number): number {
    this.needed = needed
    return at
  }

  /** What is wrong with the first two bytes of a frame. */
  private flawOf(first: number, second: number): Violation | undefined {
    const opcode = first & opcodeBits
    if ((first & otherRsvBits) !== 0) return "WS_ERR_UNEXPECTED_RSV_2_3"
    if ((first & rsv1Bit) !== 0) return "WS_ERR_UNEXPECTED_RSV_1"
    if (opcode >= opcodes.close) {
      if (opcode > opcodes.pong) return "WS_ERR_INVALID_OPCODE"
      if ((first & finBit) === 0) return "WS_ERR_EXPECTED_FIN"
      const size = second & lengthBits
      const isHalfCode = opcode === opcodes.close && size === 1
      if (size > maxControlPayload || isHalfCode) return "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"
    } else if (opcode > opcodes.binary || (opcode === opcodes.continuation) !== (this.fragmented !== 0)) {
      return "WS_ERR_INVALID_OPCODE"
    }
    return (second & maskBit) === 0 ? undefined : "WS_ERR_UNEXPECTED_MASK"
  }

  private violate(bytes: Buffer, at: number, violation: Violation): number {
    this.endRun(bytes)
    if (!this.over) {
      this.over = true
      this.receiver.violated(violation)
    }
    return at
  }

  private control(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.ping) this.receiver.ping(payload)
    else if (opcode === opcodes.pong) this.receiver.pong(payload)
    else this.close(payload)
  }

  private close(payload: Buffer): void {
    const code = payload.length === 0 ? noStatus : payload.readUInt16BE(0)
    const reason = payload.subarray(2)
    if (payload.length > 0 && !isCloseCode(code)) return void this.violate(payload, 0, "WS_ERR_INVALID_CLOSE_CODE")
    if (!isUtf8(reason)) return void this.violate(payload, 0, "WS_ERR_INVALID_UTF8")
    this.over = true
    this.receiver.closed(code, reason.toString())
  }

  private fragment(first: number, bytes: Buffer, start: number, end: number): void {
    if (this.fragmented === 0) this.fragmented = first & opcodeBits
    this.fragments += 1
    if (this.fragments > maxFragments) return void this.violate(bytes, start, "WS_ERR_TOO_MANY_BUFFERED_PARTS")
    if (this.message === nothing) this.message = new Gathered()
    this.message.add(bytes, start, end)
    if ((first & finBit) === 0) return
    const isText = this.fragmented === opcodes.text
    const message = this.message.take()
    this.fragmented = 0
    this.fragments = 0
    if (isText) this.text(message)
    else this.receiver.binary(message)
  }

  // ---- text ----

  /** Adds the text of the frame at `at` to the run, or begins another. */
  private addToRun(bytes: Buffer, at: number, start: number, end: number): void {
    if (this.run > 0 && end - starts[0]! > maxRun) this.endRun(bytes)
    if (this.over) return
    // The header lies within the run: as zeros it is ASCII, and no character reaches across it.
    if (this.run > 0) for (let i = at; i < start; i++) bytes[i] = 0
    starts[this.run] = start
    ends[this.run] = end
    this.run += 1
  }

  private endRun(bytes: Buffer): void {
    const count = this.run
    if (count === 0) return
    this.run = 0
    const from = starts[0]!
    const all = bytes.subarray(from, ends[count - 1])
    if (isAscii(all)) this.slices(all.toString("latin1"), from, count)
    else if (this.lazyText && isUtf8(all)) this.lazily(all, from, count)
    else for (let i = 0; i < count && !this.over; i++) this.text(bytes.subarray(starts[i], ends[i]))
  }

  private slices(all: string, from: number, count: number): void {
    if (count === 1) return this.receiver.text(all, all.length)
    for (let i = 0; i < count; i++) {
      const start = starts[i]!
      const end = ends[i]!
      this.receiver.text(all.slice(start - from, end - from), end - start)
    }
  }

  private lazily(all: Buffer, from: number, count: number): void {
    const { at, bytes } = keep(all)
    for (let i = 0; i < count; i++) {
      const start = starts[i]! - from + at
      const end = ends[i]! - from + at
      this.receiver.text(new BytesText(bytes, start, end), end - start)
    }
  }

  private text(bytes: Buffer): void {
    if (isUtf8(bytes)) this.receiver.text(bytes.toString(), bytes.length)
    else {
      this.over = true
      this.receiver.violated("WS_ERR_INVALID_UTF8")
    }
  }
}
