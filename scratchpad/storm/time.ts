/** Milliseconds that only go forward. */
export const now = (): number => performance.now()
