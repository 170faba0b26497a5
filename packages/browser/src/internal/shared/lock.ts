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
  /** Another tab stole the lock. */
  readonly lost: () => void
  /** The platform refuses: no lock can be had here. */
  readonly refused: () => void
}

/** Waits for the lock, takes it from the tab that has it, or gets it only if it is free now. */
export type Mode = "wait" | "steal" | "try"

/** Asks for the lock; the returned function stops waiting for it, or releases it. After it no callback comes. */
export const request = (locks: Locks, name: string, mode: Mode, listener: Listener): (() => void) => {
  const abort = new AbortController()
  let state: "waiting" | "held" | "over" = "waiting"
  let release = () => {}

  const hold = (lock: Lock | null) => {
    if (state === "over" || lock === null) return undefined
    state = "held"
    const held = new Promise<void>((resolve) => (release = resolve))
    listener.granted()
    return held
  }
  const refused = () => {
    if (state === "over") return
    const was = state
    state = "over"
    if (was === "held") listener.lost()
    else listener.refused()
  }

  new Promise((resolve) => resolve(locks.request(name, optionsOf(mode, abort.signal), hold))).catch(refused)

  return () => {
    if (state === "over") return
    const was = state
    state = "over"
    if (was === "held") release()
    else abort.abort()
  }
}

const optionsOf = (mode: Mode, signal: AbortSignal): LockOptions => {
  switch (mode) {
    case "wait":
      return { signal }
    case "steal":
      return { steal: true }
    case "try":
      return { ifAvailable: true }
  }
}
