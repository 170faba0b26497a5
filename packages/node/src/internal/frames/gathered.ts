/**
 * Bytes that come in pieces. The memory follows what has come, not what a header
 * promises: a peer that announces a large message and sends nothing costs nothing.
 */
const empty = Buffer.alloc(0)

export class Gathered {
  length = 0
  private memory: Buffer = empty

  /** Copies `from` to `to` of `source` behind what is here. */
  add(source: Buffer, from: number, to: number): void {
    const length = this.length + to - from
    if (length > this.memory.length) this.grow(length)
    source.copy(this.memory, this.length, from, to)
    this.length = length
  }

  /** The bytes so far; they change no more once they are taken. */
  get bytes(): Buffer {
    return this.memory.subarray(0, this.length)
  }

  /** Gives the bytes away and starts again. */
  take(): Buffer {
    const { bytes } = this
    this.memory = empty
    this.length = 0
    return bytes
  }

  private grow(length: number): void {
    const memory = Buffer.allocUnsafe(Math.max(length, 2 * this.memory.length))
    this.memory.copy(memory, 0, 0, this.length)
    this.memory = memory
  }
}
