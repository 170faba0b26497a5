/** Calls in the next microtask, outside of the callback that asks for it. */

// A reaction to it is a microtask too; `queueMicrotask` makes an async resource for each call in Node.
const settled = Promise.resolve()

export const nextMicrotask = (run: () => void): void => void settled.then(run)
