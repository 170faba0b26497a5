/**
 * Frames of one turn as few: messages end themselves, so several fit into one
 * frame, which costs both sides less than one for each.
 */
import type { Frame } from "kharbranth/Message"
import { concat } from "./concat.ts"

/** Larger frames would keep others waiting, and some proxies bound them. */
const most = 16_384

const merge = (frames: ReadonlyArray<Frame>, from: number, to: number, length: number): Frame => {
  if (to - from === 1) return frames[from]!
  const run = frames.slice(from, to)
  return typeof run[0] === "string" ? run.join("") : concat(run as ReadonlyArray<Uint8Array>, length)
}

/** In order; text and bytes stay apart. */
export const joinFrames = (frames: ReadonlyArray<Frame>): ReadonlyArray<Frame> => {
  if (frames.length === 1) return frames
  const joined: Array<Frame> = []
  let from = 0
  let length = 0
  for (const [index, frame] of frames.entries()) {
    const fits = length + frame.length <= most && typeof frame === typeof frames[from]
    if (index > from && !fits) {
      joined.push(merge(frames, from, index, length))
      from = index
      length = 0
    }
    length += frame.length
  }
  joined.push(merge(frames, from, frames.length, length))
  return joined
}
