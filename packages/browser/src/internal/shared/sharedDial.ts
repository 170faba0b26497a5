/**
 * One dial of one tab among the tabs that share a socket. It asks for the lock
 * and for the leader at once: who gets the lock leads, who is welcomed follows.
 * A leader that holds the lock and answers nothing is frozen; the lock is then
 * taken from it, and it finds that out when it wakes.
 */
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import * as Follower from "./follower.ts"
import * as Hub from "./leader.ts"
import * as Lock from "./lock.ts"
import { isNote, type Note } from "./tabMessage.ts"

export type Role =
  | { readonly _tag: "Leader"; readonly hub: Hub.Hub }
  | { readonly _tag: "Follower"; readonly link: Link }
  | { readonly _tag: "None"; readonly why: string }

/** The part of one link of this page in the sharing of a socket. */
export interface Reign {
  readonly key: string
  readonly term: string
  /** Called when the part is over; `isDeposed` if somebody stole the lock. */
  readonly heirs: Set<(isDeposed: boolean) => void>
}

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
  /** The parts of all links of this page, in order of time. */
  readonly reigns: Set<Reign>
  readonly askEvery: number
  readonly frozenAfter: number
  readonly now: () => number
  readonly after: (millis: number, then: () => void) => void
  /** Called once, and a second time with `None` when a leader is deposed before its socket is open. */
  readonly assigned: (role: Role) => void
}): Seat => {
  const { dial, id, key, locks, now, receiver, reigns } = options
  const mates = dial.successor === true ? [...reigns].filter((reign) => reign.key === key) : []
  /** Whose socket may be the one to be replaced. */
  const predecessor = mates.at(-1)?.term
  let state: "seeking" | "leading" | "following" | "over" = "seeking"
  let hub: Hub.Hub | undefined
  let follower: Follower.Follower | undefined
  let reign: Reign | undefined
  let crowned = false
  let claiming = false
  let deposed = false
  const began = now()
  let lastHeard = began
  let lastTick = lastHeard
  let wasLate = false
  let silentSince: number | undefined
  let deposing = false
  /** The last that was heard came from another leader than the one that this tab follows. */
  let isReplaced = false

  const channel = options.openChannel()
  const post = (note: Note) => channel.postMessage(note)

  const enter = (term: string) => {
    reign = { key, term, heirs: new Set() }
    reigns.add(reign)
  }

  const vacate = () => {
    dropLock()
    channel.close()
  }

  const retire = () => {
    state = "over"
    dropHeirship()
    if (reign === undefined) return
    reigns.delete(reign)
    for (const claim of reign.heirs) claim(deposed)
  }

  const over = () => {
    if (state === "over") return
    retire()
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
    retire()
    if (how === "now") vacate()
    else vacateDelivered()
    options.assigned({ _tag: "None", why: "Deposed" })
  }

  const lead = () => {
    state = "leading"
    enter(id)
    hub = Hub.make({ term: id, highMark: dial.writeMark.high, receiver, post, over: reignOver })
    options.assigned({ _tag: "Leader", hub })
  }

  /** From now on this tab answers. */
  const crown = () => {
    if (state === "seeking") lead()
    crowned = true
    dropHeirship()
    hub?.hear({ kind: "ask" })
  }

  /** An heir has a socket before it has the lock, so that the old one serves all until this page lets go of it. */
  const succeed = () => {
    if (state !== "seeking" || !mates.every((mate) => reigns.has(mate))) return dropHeirship()
    for (const { heirs } of mates) heirs.add(claim)
    lead()
  }

  const claim = (isDeposed: boolean) => {
    if (state !== "leading" || crowned || claiming) return
    if (isDeposed) return hub?.abdicate()
    claiming = true
    stealLock()
  }

  const follow = (welcome: Extract<Note, { readonly kind: "welcome" }>) => {
    state = "following"
    enter(welcome.term)
    dropHeirship()
    follower = Follower.make({ id, welcome, dial, receiver, post, over })
    options.assigned({ _tag: "Follower", link: follower.link })
  }

  const onLock: Lock.Listener = {
    // A follower does not keep the lock: who leads next is decided by who dials next.
    granted: () => (state === "following" ? follower?.leave(deposing ? "LeaderFrozen" : "LeaderGone") : crown()),
    lost: () => {
      deposed = true
      hub?.abdicate()
    },
    refused: () => leave("LocksRefused")
  }
  let dropLock = Lock.request(locks, key, "wait", onLock)
  // One at a time, so that there are never more than two sockets.
  let dropHeirship = () => {}

  const stealLock = () => {
    dropLock()
    dropLock = Lock.request(locks, key, "steal", onLock)
  }

  const depose = () => {
    silentSince = undefined
    deposing = true
    stealLock()
  }

  const hear = (event: MessageEvent<unknown>) => {
    const note = event.data
    if (!isNote(note)) return
    if (note.kind === "beat" || note.kind === "frames" || note.kind === "welcome") {
      isReplaced = state === "following" && note.term !== reign?.term
      if (!isReplaced) {
        lastHeard = now()
        silentSince = undefined
      }
    }
    if (state === "leading") {
      if (crowned) hub?.hear(note)
      // Somebody else was faster: two sockets must not stay.
      else if (note.kind === "beat" && note.term !== predecessor && !claiming) hub?.abdicate()
    } else if (state === "following") follower?.hear(note)
    else if (state === "seeking") {
      if (note.kind === "beat" && note.open) post({ kind: "join", from: id })
      else if (note.kind === "welcome" && note.to === id && isWelcome(note.term)) follow(note)
    }
  }
  /** A successor waits for another socket than its predecessor's; but there may never be one. */
  const isWelcome = (term: string) => term !== predecessor || now() - began >= 2 * options.frozenAfter

  channel.addEventListener("message", hear)
  post({ kind: "join", from: id })
  if (predecessor !== undefined) {
    dropHeirship = Lock.request(locks, `${key} heir`, "try", { granted: succeed, lost: () => {}, refused: () => {} })
  }

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
      if (silentSince !== undefined && time - silentSince >= options.frozenAfter) {
        return isReplaced ? follower?.leave("LeaderGone") : depose()
      }
      if (state === "following" && time - lastHeard < options.askEvery) return
      silentSince ??= time
      post(state === "seeking" ? { kind: "join", from: id } : { kind: "ask" })
    }
  }
}
