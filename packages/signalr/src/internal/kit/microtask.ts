/**
 * Runs code right after a socket's callback, not inside it: in one microtask
 * for all that was asked for in a turn, in order.
 */

export interface Runnable {
  readonly run: () => void
}

let waiting: Array<Runnable> = []

const runAll = (): void => {
  const now = waiting
  waiting = []
  for (const next of now) next.run()
}

/** `run` must not throw: others wait behind it. */
export const runInMicrotask = (next: Runnable): void => {
  if (waiting.push(next) === 1) queueMicrotask(runAll)
}
