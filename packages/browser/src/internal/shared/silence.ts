/**
 * Notices a leader that has fallen silent: it was asked whether it is alive, and
 * nothing came for `frozenAfter` milliseconds.
 */
export interface Silence {
  /** The leader was heard. */
  readonly heard: () => void
  /**
   * Looks at the clock: whether the leader has to be asked, or counts as frozen.
   * With `trust`, one that was heard less than `askEvery` milliseconds ago is not
   * asked.
   */
  readonly check: (trust: boolean) => "ask" | "frozen" | undefined
}

export const make = (options: {
  readonly askEvery: number
  readonly frozenAfter: number
  readonly now: () => number
}): Silence => {
  const { askEvery, frozenAfter, now } = options
  let lastHeard = now()
  let lastCheck = lastHeard
  let wasLate = false
  let since: number | undefined

  return {
    heard: () => {
      lastHeard = now()
      since = undefined
    },
    check: (trust) => {
      const time = now()
      const late = time - lastCheck > 2 * askEvery
      // After a sleep of our own, silence proves nothing yet. Timers that are always late are a hidden page's.
      if (late && !wasLate) since = undefined
      wasLate = late
      lastCheck = time
      if (since !== undefined && time - since >= frozenAfter) {
        since = undefined
        return "frozen"
      }
      if (trust && time - lastHeard < askEvery) return undefined
      since ??= time
      return "ask"
    }
  }
}
