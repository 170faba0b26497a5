/** Runs what must not run inside a socket's callback: right after it, in order, all in one microtask. */

export interface Runnable {
  readonly run: () => void
}

let waiting: Array<Runnable> = []

const runAll = (): void => {
  const now = waiting
  waiting = []
  for (const next of now) next.run()
}

/** What is run must not throw: others wait behind it. */
export const afterwards = (next: Runnable): void => {
  if (waiting.push(next) === 1) queueMicrotask(runAll)
}
