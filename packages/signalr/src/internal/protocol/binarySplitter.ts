/**
 * Cuts a byte stream into length-prefixed payloads: a VarInt (seven bits a
 * byte, least significant first, at most five bytes), then that many bytes.
 */
import { concat } from "../kit/bytes.ts"
import type { Split, Splitter } from "./decoding.ts"

/** Puts a payload's length in front of it. */
export const withLength = (payload: Uint8Array): Uint8Array => {
  let size = 1
  for (let rest = payload.length >>> 7; rest > 0; rest >>>= 7) size++
  const out = new Uint8Array(size + payload.length)
  let rest = payload.length
  for (let i = 0; i < size; i++) {
    out[i] = (rest & 0x7f) | (i < size - 1 ? 0x80 : 0)
    rest >>>= 7
  }
  out.set(payload, size)
  return out
}

export type Length =
  | { readonly _tag: "Length"; readonly value: number; readonly size: number }
  | { readonly _tag: "Incomplete" }
  | { readonly _tag: "Invalid" }

const incomplete: Length = { _tag: "Incomplete" }
const invalid: Length = { _tag: "Invalid" }

/** Reads a VarInt of at most 31 bits at `at`. */
export const readLength = (bytes: Uint8Array, at: number): Length => {
  let value = 0
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return incomplete
    // The fifth byte may carry three bits only: lengths end below 2 GiB.
    if (i === 4 && byte > 0x07) return invalid
    value |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { _tag: "Length", value, size: i + 1 }
  }
  return invalid
}

export const makeBinarySplitter = (max: number): Splitter<Uint8Array> => {
  let tail: Array<Uint8Array> = []
  let waiting = 0
  // Nothing can be cut before this many bytes are here, so a message that drips in is joined once.
  let needed = 1

  const takeAll = (): Uint8Array => {
    const all = concat(tail, waiting)
    tail = []
    waiting = 0
    return all
  }

  const keep = (bytes: Uint8Array, need: number): void => {
    needed = need
    if (bytes.length === 0) return
    tail = [bytes]
    waiting = bytes.length
  }

  const cut = (bytes: Uint8Array): Split<Uint8Array> => {
    const pieces: Array<Uint8Array> = []
    let at = 0
    while (at < bytes.length) {
      const length = readLength(bytes, at)
      if (length._tag === "Invalid") return { pieces, issue: "a length prefix that is no length below 2 GiB" }
      if (length._tag === "Incomplete") break
      if (length.value > max) return { pieces, issue: `a message over ${max} bytes` }
      const end = at + length.size + length.value
      if (end > bytes.length) {
        keep(bytes.subarray(at), end - at)
        return { pieces, issue: undefined }
      }
      pieces.push(bytes.subarray(at + length.size, end))
      at = end
    }
    keep(bytes.subarray(at), bytes.length - at + 1)
    return { pieces, issue: undefined }
  }

  return {
    push: (frame) => {
      if (typeof frame === "string") return { pieces: [], issue: "a text frame in a binary protocol" }
      if (frame.length > 0) tail.push(frame)
      waiting += frame.length
      return waiting < needed ? { pieces: [], issue: undefined } : cut(takeAll())
    },
    pending: () => waiting
  }
}
