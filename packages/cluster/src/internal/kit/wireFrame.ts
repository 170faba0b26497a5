/** Frames as JSON, and back: text as it is, bytes in base64. */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import type { Frame } from "kharbranth/Message"

export interface WireFrame {
  readonly text: string
  readonly isBinary: boolean
}

export const toWireFrame = (frame: Frame): WireFrame =>
  typeof frame === "string" ? { text: frame, isBinary: false } : { text: Base64.encode(frame), isBinary: true }

export const ofWireFrame = ({ isBinary, text }: WireFrame): Frame =>
  isBinary ? Result.getOrThrow(Base64.decode(text)) : text
