/** Finds the platform's reason (ECONNREFUSED, …) below what HTTP clients wrap around it. */
export const rootCause = (cause: unknown): unknown => {
  let root = cause
  for (let depth = 0; depth < 8; depth++) {
    const next = root as { readonly reason?: unknown; readonly cause?: unknown }
    const below = next.reason ?? next.cause
    if (typeof below !== "object" || below === null) return root
    root = below
  }
  return root
}
