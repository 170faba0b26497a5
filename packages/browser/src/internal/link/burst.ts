/**
 * Reads the messages of a burst together. A page gets every message by a call of
 * its own, with that call's microtasks behind it, so a reader would be woken for
 * each of the hundreds that arrived together. Here a message that comes alone is
 * read at once. Those that follow close behind are read a few at a time: when
 * there are enough of them, and at the latest in a posted task. They wait as the
 * page's events, because reading their data in one go costs half. (What a stream
 * gives has its data already, and only wakes its reader less often.) Without a
 * way to post a task nothing waits.
 */
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
const roomAtMost = 16

/** An inbox has room for several times as much, and does not see what waits here. */
const roomInBytes = 16_384

export interface Burst<Event> {
  readonly add: (event: Event) => void
  /** Reads what waits. Nothing is read any more. */
  readonly end: () => void
}

/** `read` gives the size of what it has read; how large an event is cannot be told before. */
export const make = <Event>(
  read: (event: Event) => number,
  post: Post | undefined,
  now = () => performance.now()
): Burst<Event> => {
  let held: Array<Event> = []
  let room = roomAtMost
  let posted = false
  let over = false
  let lastAt = 0

  const readHeld = () => {
    const events = held
    let bytes = 0
    held = []
    for (const event of events) {
      // The receiver of a message may end the link.
      if (!over) bytes += read(event)
    }
    // Those to come are taken to be as large as these.
    if (bytes > 0) room = Math.min(roomAtMost, (roomInBytes * events.length) / bytes)
  }

  const run = () => {
    const came = held.length > 0
    readHeld()
    posted = came && !over
    if (posted) post!(run)
  }

  return {
    add: (event) => {
      const waiting = held.push(event)
      if (posted && waiting < room) return
      readHeld()
      if (posted || post === undefined) return
      const at = now()
      posted = at - lastAt < near
      if (posted) post(run)
      lastAt = at
    },
    end: () => {
      readHeld()
      over = true
    }
  }
}
