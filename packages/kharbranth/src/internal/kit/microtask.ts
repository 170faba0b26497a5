/** Calls in the next microtask. */

// A reaction to it is one; `queueMicrotask` makes an async resource for each of them in Node.
const settled = Promise.resolve()

export const soon = (f: () => void): void => void settled.then(f)
