/**
 * Writes what a client sends (RFC 6455, section 5): whole frames, masked, one
 * behind the other in one piece of memory, so that many of them leave in one
 * write. The mask is laid over four bytes at a time.
 */
import type { Frame } from "kharbranth/Message"
import { randomFillSync } from "node:crypto"
import { finBit, maskBit } from "./protocol.ts"

/** Memory to write frames into, seen as bytes and as words of four. */
export interface Memory {
  readonly bytes: Buffer
  readonly words: Int32Array
}

const maxHeader = 14
const keySize = 4

export const allocate = (size: number): Memory => {
  const bytes = Buffer.allocUnsafeSlow((size + 3) & ~3)
  return { bytes, words: new Int32Array(bytes.buffer) }
}

/** Up to this length room for the longest encoding of a text costs less than looking how long it is. */
const shortText = 4_096

/** Enough for a frame with this payload. */
export const roomFor = (payload: Frame): number => {
  if (typeof payload !== "string") return maxHeader + payload.length
  return maxHeader + (payload.length > shortText ? Buffer.byteLength(payload) : 3 * payload.length)
}

/** Writes a frame at `at` of `memory`, where there is room for it. Returns where it ends. */
export const encode = (memory: Memory, at: number, opcode: number, payload: Frame): number => {
  const { bytes } = memory
  let start = at + headerSize(payload.length)
  let size = payload.length
  if (typeof payload === "string") {
    size = bytes.write(payload, start)
    // Text may take more bytes than it has characters, and its length more room in the header.
    const shift = headerSize(size) - headerSize(payload.length)
    if (shift > 0) bytes.copyWithin(start + shift, start, start + size)
    start += shift
  } else bytes.set(payload, start)
  bytes[at] = finBit | opcode
  writeSize(bytes, at + 1, size)
  nextKey()
  for (let i = 0; i < keySize; i++) bytes[start - keySize + i] = key[i]!
  mask(memory, start, start + size)
  return start + size
}

/** How many bytes of a frame are its payload. */
export const payloadOf = (frame: number): number => frame - (frame < 126 + 6 ? 6 : frame < 65_536 + 8 ? 8 : maxHeader)

const headerSize = (size: number): number => (size < 126 ? 2 : size < 65_536 ? 4 : 10) + keySize

const writeSize = (bytes: Buffer, at: number, size: number): void => {
  if (size < 126) bytes[at] = maskBit | size
  else if (size < 65_536) {
    bytes[at] = maskBit | 126
    bytes.writeUInt16BE(size, at + 1)
  } else {
    bytes[at] = maskBit | 127
    bytes.writeUInt16BE(0, at + 1)
    bytes.writeUIntBE(size, at + 3, 6)
  }
}

// ---- masking ----

const randomBytes = new Uint8Array(8_192)
let randomAt = randomBytes.length

/** The key of the frame that is being written. */
const key = new Uint8Array(keySize)
/** The key as it falls on a word: turned, where the payload does not begin at one. */
const turned = new Uint8Array(keySize)
const turnedWord = new Int32Array(turned.buffer)

const nextKey = (): void => {
  if (randomAt === randomBytes.length) {
    randomFillSync(randomBytes)
    randomAt = 0
  }
  for (let i = 0; i < keySize; i++) key[i] = randomBytes[randomAt++]!
}

const mask = ({ bytes, words }: Memory, from: number, to: number): void => {
  const firstWord = Math.min((from + 3) & ~3, to)
  const lastWord = Math.max(to & ~3, firstWord)
  for (let i = from; i < firstWord; i++) bytes[i]! ^= key[(i - from) & 3]!
  for (let i = 0; i < keySize; i++) turned[i] = key[(firstWord + i - from) & 3]!
  const word = turnedWord[0]!
  for (let i = firstWord >> 2; i < lastWord >> 2; i++) words[i]! ^= word
  for (let i = lastWord; i < to; i++) bytes[i]! ^= key[(i - from) & 3]!
}
