/**
 * The lock that makes one tab the leader, as callbacks. A waiting request is
 * also how a follower learns that the leader is gone: the browser grants it
 * when the leader's page ends, however it ends.
 */
export interface Locks {
  readonly request: LockManager["request"]
}

export interface Listener {
  readonly granted: () => void
  /** Somebody stole the lock. */
  readonly lost: () => void
  /** The platform refuses: no lock can be had here. */
  readonly refused: (cause: unknown) => void
}

/** Asks for the lock; the returned function stops waiting for it, or releases it. After it no callback comes. */
export const request = (locks: Locks, name: string, mode: "wait" | "steal", listener: Listener): (() => void) => {
  const abort = new AbortController()
  let state: "waiting" | "held" | "over" = "waiting"
  let release = () => {}

  const hold = () => {
    if (state === "over") return undefined
    state = "held"
    const held = new Promise<void>((resolve) => (release = resolve))
    listener.granted()
    return held
  }
  const refused = (cause: unknown) => {
    if (state === "over") return
    const was = state
    state = "over"
    if (was === "held") listener.lost()
    else listener.refused(cause)
  }

  const options: LockOptions = mode === "steal" ? { steal: true } : { signal: abort.signal }
  new Promise((resolve) => resolve(locks.request(name, options, hold))).catch(refused)

  return () => {
    if (state === "over") return
    const was = state
    state = "over"
    if (was === "held") release()
    else abort.abort()
  }
}
