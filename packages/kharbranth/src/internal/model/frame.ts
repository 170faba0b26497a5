/** What a frame is, and how long it is on the wire. */
import type { Close, Frame, LazyText, Ping, Pong } from "../../Message.ts"

export const isFrame = (u: unknown): u is Frame => typeof u === "string" || u instanceof Uint8Array

/** A frame as it came: its text may not be a string yet. */
export type Received = Frame | LazyText

/** A control frame, for decoders that take them. */
export type Control = Ping | Pong | Close

/** The frame with its text as a string. */
export const plain = (frame: Received): Frame => (frame instanceof Uint8Array ? frame : String(frame))

const beyondAscii = /[\u0080-\uffff]/
/** From this length on a search for other characters than ASCII is faster than a count. */
const long = 96

/** The length of text in UTF-8. */
export const textSize = (text: string): number =>
  text.length >= long && !beyondAscii.test(text) ? text.length : counted(text)

const counted = (text: string): number => {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // Half of a surrogate pair counts two bytes, so the pair counts four. A lone
    // half becomes U+FFFD on the wire, three bytes.
    if (unit >= 0xd800 && unit < 0xe000) {
      if (unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++
      size += 2
    } else size += unit < 0x800 ? 1 : 2
  }
  return size
}

/** A frame's exact size on the wire, payload only. */
export const sizeOf = (frame: Frame): number => (typeof frame === "string" ? textSize(frame) : frame.length)

/** Whether a frame exceeds `max` bytes; counts them only when it might. */
export const exceeds = (frame: Frame, max: number): boolean => frame.length * 3 > max && sizeOf(frame) > max
