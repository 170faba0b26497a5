/**
 * Text as the bytes that came, which are known to be UTF-8: strings are made of
 * them when somebody asks.
 */
import type { LazyText } from "kharbranth/Message"

const pieceSize = 65_536
let piece = Buffer.alloc(0)
let used = 0

/** Copies the bytes of a run into memory that many runs share. Gives that memory, and where the copy begins. */
export const keep = (run: Buffer): { readonly bytes: Buffer; readonly at: number } => {
  if (used + run.length > piece.length) {
    piece = Buffer.allocUnsafeSlow(Math.max(pieceSize, run.length))
    used = 0
  }
  const at = used
  run.copy(piece, at)
  used += run.length
  return { bytes: piece, at }
}

export class BytesText implements LazyText {
  private readonly bytes: Buffer
  private readonly start: number
  private readonly end: number

  /** The bytes from `start` to `end`; those around them are other texts of the same run. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.start = start
    this.end = end
  }

  startsWith(ascii: string): boolean {
    const { bytes, start } = this
    if (ascii.length > this.end - start) return false
    for (let i = 0; i < ascii.length; i++) if (bytes[start + i] !== ascii.charCodeAt(i)) return false
    return true
  }

  indexOf(ascii: string, from = 0): number {
    return this.bytes.subarray(this.start, this.end).indexOf(ascii, from, "latin1")
  }

  slice(from: number, to: number = this.end - this.start): string {
    return this.bytes.toString("utf8", this.start + from, Math.min(this.start + to, this.end))
  }

  toString(): string {
    return this.bytes.toString("utf8", this.start, this.end)
  }
}
