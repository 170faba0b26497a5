/**
 * One dial of one tab among the tabs that share a socket. It asks for the lock
 * and for the leader at once: who gets the lock leads, who is welcomed follows.
 * A leader that holds the lock and answers nothing is frozen; the lock is then
 * taken from it, and it finds that out when it wakes.
 */
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import * as Follower from "./follower.ts"
import * as Hub from "./hub.ts"
import * as Lock from "./lock.ts"
import { isNote, type Note } from "./note.ts"

export type Role =
  | { readonly _tag: "Leader"; readonly hub: Hub.Hub }
  | { readonly _tag: "Follower"; readonly link: Link }
  | { readonly _tag: "None"; readonly why: string }

export interface Seat {
  /** Looks at the clock; to be called a few times in `askEvery` milliseconds. */
  readonly tick: () => void
  /** The page is about to freeze, or the dial is given up. */
  readonly leave: (why: string) => void
}

/** How long a leader waits for the delivery of its last note at most, in milliseconds. */
const DELIVERY = 250

export const take = (options: {
  readonly id: string
  readonly key: string
  readonly locks: Lock.Locks
  readonly openChannel: () => BroadcastChannel
  readonly dial: Dial
  readonly receiver: Receiver
  readonly askEvery: number
  readonly frozenAfter: number
  readonly now: () => number
  readonly after: (millis: number, then: () => void) => void
  /** Called once, and a second time with `None` when a leader is deposed before its socket is open. */
  readonly assigned: (role: Role) => void
}): Seat => {
  const { dial, id, key, locks, now, receiver } = options
  let state: "seeking" | "leading" | "following" | "over" = "seeking"
  let hub: Hub.Hub | undefined
  let follower: Follower.Follower | undefined
  let lastHeard = now()
  let lastTick = lastHeard
  let wasLate = false
  let silentSince: number | undefined
  let deposing = false

  const channel = options.openChannel()
  const post = (note: Note) => channel.postMessage(note)

  const vacate = () => {
    dropLock()
    channel.close()
  }

  const over = () => {
    if (state === "over") return
    state = "over"
    vacate()
  }

  const giveUp = (why: string) => {
    over()
    options.assigned({ _tag: "None", why })
  }

  /**
   * The lock is faster than the channel: released at once, it would tell the
   * followers that the leader is gone before they have read its last note. So
   * it goes when that note has come back to a channel of our own.
   */
  const vacateDelivered = () => {
    const echo = options.openChannel()
    let done = false
    const finish = () => {
      if (done) return
      done = true
      echo.close()
      vacate()
    }
    echo.addEventListener("message", ({ data }) => {
      if (isNote(data) && data.kind === "farewell" && data.term === id) finish()
    })
    post({ kind: "farewell", term: id })
    options.after(DELIVERY, finish)
  }

  const reignOver = (how: "now" | "delivered") => {
    if (state === "over") return
    state = "over"
    if (how === "now") vacate()
    else vacateDelivered()
    options.assigned({ _tag: "None", why: "Deposed" })
  }

  const lead = () => {
    state = "leading"
    const term = id
    hub = Hub.make({ term, highMark: dial.writeMark.high, receiver, post, over: reignOver })
    post({ kind: "beat", term, open: false })
    options.assigned({ _tag: "Leader", hub })
  }

  const follow = (welcome: Extract<Note, { readonly kind: "welcome" }>) => {
    state = "following"
    follower = Follower.make({ id, welcome, dial, receiver, post, over })
    options.assigned({ _tag: "Follower", link: follower.link })
  }

  const onLock: Lock.Listener = {
    // A follower does not keep the lock: who leads next is decided by who dials next.
    granted: () => (state === "seeking" ? lead() : follower?.leave(deposing ? "LeaderFrozen" : "LeaderGone")),
    lost: () => hub?.abdicate(),
    refused: () => leave("LocksRefused")
  }
  let dropLock = Lock.request(locks, key, "wait", onLock)

  const depose = () => {
    dropLock()
    silentSince = undefined
    deposing = true
    dropLock = Lock.request(locks, key, "steal", onLock)
  }

  const hear = (event: MessageEvent<unknown>) => {
    const note = event.data
    if (!isNote(note)) return
    if (note.kind === "beat" || note.kind === "frames" || note.kind === "welcome") {
      lastHeard = now()
      silentSince = undefined
    }
    if (state === "leading") hub?.hear(note)
    else if (state === "following") follower?.hear(note)
    else if (state === "seeking" && note.kind === "welcome" && note.to === id) follow(note)
  }
  channel.addEventListener("message", hear)
  post({ kind: "join", from: id })

  const leave = (why: string) => {
    if (state === "seeking") giveUp(why)
    else if (state === "following") follower?.leave(why)
    else if (state === "leading") hub?.abdicate()
  }

  return {
    leave,
    tick: () => {
      const time = now()
      const late = time - lastTick > 2 * options.askEvery
      // After a sleep of our own, silence proves nothing yet. Timers that are always late are a hidden page's.
      if (late && !wasLate) silentSince = undefined
      wasLate = late
      lastTick = time
      if (state !== "seeking" && state !== "following") return
      if (silentSince !== undefined && time - silentSince >= options.frozenAfter) return depose()
      if (state === "following" && time - lastHeard < options.askEvery) return
      silentSince ??= time
      post(state === "seeking" ? { kind: "join", from: id } : { kind: "ask" })
    }
  }
}
