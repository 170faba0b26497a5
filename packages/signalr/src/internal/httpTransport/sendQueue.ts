/**
 * What waits to be POSTed: one request at a time, and whatever piles up
 * meanwhile goes into the next body. Pure book-keeping: the owner runs the
 * requests.
 */
import type { Frame } from "kharbranth/Message"
import { concat } from "../kit/bytes.ts"
import { utf8Length } from "../kit/utf8Length.ts"

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

const sizeOf = (frame: Frame): number => (typeof frame === "string" ? utf8Length(frame) : frame.length)

const isText = (frame: Frame): frame is string => typeof frame === "string"
const isBytes = (frame: Frame): frame is Uint8Array => typeof frame !== "string"

const join = (frames: ReadonlyArray<Frame>, size: number): Frame =>
  frames.every(isText) ? frames.join("") : concat(frames.filter(isBytes), size)

export const makeSendQueue = (mark: { readonly high: number; readonly low: number }): SendQueue => {
  let waiting: Array<{ readonly frame: Frame; readonly size: number }> = []
  let buffered = 0
  let underWay: number | undefined
  let above = false
  return {
    push: (frames) => {
      for (const frame of frames) {
        const size = sizeOf(frame)
        waiting.push({ frame, size })
        buffered += size
      }
      above = above || buffered >= mark.high
    },
    take: () => {
      const first = waiting[0]
      if (first === undefined || underWay !== undefined) return undefined
      const other = waiting.findIndex(({ frame }) => isText(frame) !== isText(first.frame))
      const batch = other === -1 ? waiting : waiting.slice(0, other)
      waiting = other === -1 ? [] : waiting.slice(other)
      underWay = batch.reduce((total, { size }) => total + size, 0)
      return {
        body: join(
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
