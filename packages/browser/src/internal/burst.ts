/**
 * The messages of a burst. A page is told of every message by a call of its
 * own, with its microtasks behind it, so that a reader would be woken for each
 * of the hundreds that arrived together. Here a message that comes alone is
 * delivered at once; those that follow close behind go together, a few at a
 * time: when there are enough of them, and at the latest in a posted task.
 * Without a way to post a task nothing waits.
 */
import type { Frame } from "kharbranth/Message"
import type { Receiver } from "kharbranth/Transport"

export type Post = (task: () => void) => void

interface Platform {
  readonly scheduler?: { readonly postTask: (task: () => void) => Promise<unknown> }
}

/** The platform's `scheduler.postTask`: a timer would be clamped, and held back in a hidden page. */
export const post = (): Post | undefined => {
  const { scheduler } = globalThis as Platform
  return scheduler && ((task) => void scheduler.postTask(task))
}

/** Milliseconds between two messages of one burst: a page's clock is no finer than a tenth. */
const near = 0.25

/** How many may wait: in a flood posted tasks come late, and more together would save little more. */
const room = 8

/** A reader sees none of what waits here, so it stays far below what an inbox has room for. */
const roomInBytes = 4096

export interface Burst {
  readonly frame: (frame: Frame, size: number) => void
  /** Delivers what waits. Nothing is delivered any more. */
  readonly end: () => void
}

export const make = (
  receiver: Pick<Receiver, "frame">,
  post: Post | undefined,
  now = () => performance.now()
): Burst => {
  let held: Array<readonly [frame: Frame, size: number]> = []
  let bytes = 0
  let posted = false
  let over = false
  let lastAt = 0

  const deliver = () => {
    const frames = held
    held = []
    bytes = 0
    for (const [frame, size] of frames) {
      // The receiver may end the link while it takes a message.
      if (!over) receiver.frame(frame, size)
    }
  }

  const run = () => {
    const came = held.length > 0
    deliver()
    posted = came && !over
    if (posted) post!(run)
  }

  return {
    frame: (frame, size) => {
      if (posted) {
        bytes += size
        if (held.push([frame, size]) === room || bytes >= roomInBytes) deliver()
        return
      }
      receiver.frame(frame, size)
      if (post === undefined) return
      const at = now()
      posted = at - lastAt < near
      if (posted) post(run)
      lastAt = at
    },
    end: () => {
      deliver()
      over = true
    }
  }
}
