/**
 * The frames that wait to be POSTed. One request runs at a time, and the frames
 * that pile up behind it go into the next body. Pure book-keeping: the link runs
 * the requests.
 */
import type { Frame } from "kharbranth/Message"
import { frameSize, joinFrames } from "../kit/bytes.ts"

export interface Batch {
  readonly body: Frame
  readonly size: number
}

export interface SendQueue {
  push(frames: ReadonlyArray<Frame>): void
  /** The next body, when none is under way: as many frames of one kind as wait, in order. */
  take(): Batch | undefined
  /** The body that was under way has arrived. True when the buffer fell to its low mark after having been over the high one. */
  done(): boolean
  /** Bytes that wait or are under way. */
  buffered(): number
  idle(): boolean
}

export const makeSendQueue = (mark: { readonly high: number; readonly low: number }): SendQueue => {
  let waiting: Array<{ readonly frame: Frame; readonly size: number }> = []
  let buffered = 0
  let underWay: number | undefined
  let above = false
  return {
    push: (frames) => {
      for (const frame of frames) {
        const size = frameSize(frame)
        waiting.push({ frame, size })
        buffered += size
      }
      above = above || buffered >= mark.high
    },
    take: () => {
      const first = waiting[0]
      if (first === undefined || underWay !== undefined) return undefined
      const other = waiting.findIndex(({ frame }) => typeof frame !== typeof first.frame)
      const batch = other === -1 ? waiting : waiting.slice(0, other)
      waiting = other === -1 ? [] : waiting.slice(other)
      underWay = batch.reduce((total, { size }) => total + size, 0)
      return {
        body: joinFrames(
          batch.map(({ frame }) => frame),
          underWay
        ),
        size: underWay
      }
    },
    done: () => {
      buffered -= underWay ?? 0
      underWay = undefined
      const drained = above && buffered <= mark.low
      if (drained) above = false
      return drained
    },
    buffered: () => buffered,
    idle: () => waiting.length === 0 && underWay === undefined
  }
}
