/**
 * The end of a turn of the event loop. A socket may be read several times in one
 * turn: who waits for its end is woken once for all of it. Where the platform
 * cannot say when a turn ends, as in a page, each message is a turn of its own, and
 * its microtasks are its end.
 */
const platform = globalThis as { readonly setImmediate?: (run: () => void) => unknown }
const settled = Promise.resolve()

let due: Array<() => void> = []

const flush = (): void => {
  const now = due
  due = []
  for (const run of now) run()
}

/** Runs this when the turn is over. It must not throw. */
export const atEnd = (run: () => void): void => {
  due.push(run)
  if (due.length > 1) return
  if (platform.setImmediate === undefined) void settled.then(flush)
  else platform.setImmediate(flush)
}

/** Runs this in a microtask, when what is running now is through. */
export const soon = (run: () => void): void => void settled.then(run)
