/** Measures and joins frames and pieces of bytes. */
import type { Frame } from "kharbranth/Message"

/** Joins pieces of bytes whose lengths add up to `total`; a single piece is not copied. */
export const concat = (pieces: ReadonlyArray<Uint8Array>, total: number): Uint8Array => {
  if (pieces.length === 1) return pieces[0]!
  const out = new Uint8Array(total)
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}

/** Joins frames that are all text, or all bytes of `total` length. */
export const joinFrames = (frames: ReadonlyArray<Frame>, total: number): Frame =>
  typeof frames[0] === "string" ? frames.join("") : concat(frames as ReadonlyArray<Uint8Array>, total)

/** The length of a text in UTF-8 bytes, without encoding it. */
export const utf8Length = (text: string): number => {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // Halves of a surrogate pair count two bytes each: four for the pair.
    size += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return size
}

/** The length of a frame on the wire, in bytes. */
export const frameSize = (frame: Frame): number => (typeof frame === "string" ? utf8Length(frame) : frame.length)
